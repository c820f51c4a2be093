/* What a client's userdata holds, and what all its methods need. */
#ifndef MIC_BINDING_CLIENT_BOX_H
#define MIC_BINDING_CLIENT_BOX_H

#include "../core/api_client.h"
#include "arguments.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

struct client_box {
  struct api_client client;     /* first: it stands for the box */
  struct exchange_box *watched; /* by collect: begun, and nobody was shown their end. Borrowed */
};

extern const char clientL_type[];

struct api_client *clientL_check(lua_State *L, int index);
/* An exchange for a call that waits in this thread, with the client at index 1. [0, +1] */
struct exchange_box *clientL_take_idle_exchange(lua_State *L, struct api_client *client);
/* Gives it back; it is at the top, below `count` results. [0, 0] */
void clientL_keep_idle_exchange(lua_State *L, int count);
/* Makes the exchange at the top known to collect, with the client at index 1. [0, 0] */
void clientL_watch(lua_State *L, struct exchange_box *box);

MIC_PRIVATE_END
#endif
