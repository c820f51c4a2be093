/* The shortest way of a call: nothing but method, path and perhaps a JSON body, waited for in this
   thread. Arguments instead of a table; of a 2xx answer no table either: what few callers look at
   stays packed in one string until somebody does. */
#ifndef MIC_BINDING_PLAIN_REQUEST_H
#define MIC_BINDING_PLAIN_REQUEST_H

#include "exchange.h"

MIC_PRIVATE_BEGIN

/* A method of the client. */
int clientL_plain_request(lua_State *L);
/* The path at this index, when it may be sent as it is; NULL for one that is for `request`. [0, 0]
 */
const char *clientL_plain_path(lua_State *L, int index, size_t *length);
/* Pushes what `plain_request` returns; returns how many. The exchange may be used again. */
int exchangeL_push_plain_result(lua_State *L, struct exchange_box *box);

MIC_PRIVATE_END
#endif
