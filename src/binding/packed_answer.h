/* Packed answer: headers, URL and timings of a 2xx answer in one string, unpacked at first use.
   Creating five fields and a table per reply would cost more than the rest of the binding. */
#ifndef MIC_BINDING_PACKED_ANSWER_H
#define MIC_BINDING_PACKED_ANSWER_H

#include "../core/transfer/exchange.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

extern const char packed_answerL_type[]; /* metatable of replies */

/* Turns exchange->head into the packed string. False if out of memory. */
bool packed_answer_pack(struct exchange *exchange);
const char *packed_answer_version(long version); /* of CURL_HTTP_VERSION_*: "1.1", "2" */
void packed_answerL_push_timings(lua_State *L,
                                 const struct exchange_timings *timings); /* [0, +1] */
int packed_answerL_unpack(lua_State *L);                                  /* core.unpack_answer */
void packed_answerL_open(lua_State *L);

MIC_PRIVATE_END
#endif
