/* Userdata of mic.client, and functions shared by all its methods. */
#ifndef MIC_BINDING_CLIENT_BOX_H
#define MIC_BINDING_CLIENT_BOX_H

#include "../core/api_client.h"
#include "arguments.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

struct client_box {
  struct api_client client; /* first, so that a pointer to it is one to the box */
  struct list watched; /* of exchange_box, borrowed, for collect: started, and not yet returned */
};

extern const char clientL_type[];

struct api_client *clientL_check(lua_State *L, int index);
/* An exchange for a blocking call, with the client at index 1. [0, +1] */
struct exchange_box *clientL_take_idle_exchange(lua_State *L, struct api_client *client);
/* Keeps it for the next call; it is at the top, below `count` results. [0, 0] */
void clientL_keep_idle_exchange(lua_State *L, int count);
/* Adds the exchange at the top to the list for collect, with the client at index 1. [0, 0] */
void clientL_watch(lua_State *L, struct exchange_box *box);

MIC_PRIVATE_END
#endif
