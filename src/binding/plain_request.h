/* Fast path of a blocking call: method, path and at most a JSON body. Takes arguments instead of a
   table, and returns a 2xx answer without one; see packed_answer.h. */
#ifndef MIC_BINDING_PLAIN_REQUEST_H
#define MIC_BINDING_PLAIN_REQUEST_H

#include "exchange.h"

MIC_PRIVATE_BEGIN

/* A method of the client. */
int clientL_plain_request(lua_State *L);
/* The path at this index if it can be sent as it is; NULL if it needs `request`. [0, 0] */
const char *clientL_plain_path(lua_State *L, int index, size_t *length);
/* Pushes the results of `plain_request`; returns how many. The exchange may be reused. */
int exchangeL_push_plain_result(lua_State *L, struct exchange_box *box);

MIC_PRIVATE_END
#endif
