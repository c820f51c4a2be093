/* mic.client: the complete client of mic.core. */
#ifndef MIC_BINDING_CLIENT_H
#define MIC_BINDING_CLIENT_H

#include "../core/api_client.h"
#include "arguments.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

/* What a client's userdata holds. */
struct client_box {
  struct api_client client;     /* first: it stands for the box */
  struct exchange_box *watched; /* by collect: begun, and nobody was shown their end. Borrowed */
};

extern const char clientL_type[];

/* core.client(config) -> client */
int clientL_new(lua_State *L);
struct api_client *clientL_check(lua_State *L, int index);
int clientL_plain_request(lua_State *L); /* a method */
/* The path at this index, when it may be sent as it is; NULL for one that is for `request`. [0, 0]
 */
const char *clientL_plain_path(lua_State *L, int index, size_t *length);
/* An exchange for a call that waits in this thread, with the client at index 1. [0, +1] */
struct exchange_box *clientL_take_idle_exchange(lua_State *L, struct api_client *client);
/* Gives it back; it is at the top, below `count` results. [0, 0] */
void clientL_keep_idle_exchange(lua_State *L, int count);
/* Makes the exchange at the top known to collect, with the client at index 1. [0, 0] */
void clientL_watch(lua_State *L, struct exchange_box *box);
/* The methods that are about credentials; in credentials.c of the binding. */
extern const luaL_Reg clientL_credential_methods[];
void clientL_push_is_fresh(lua_State *L);
/* Those about who waits; in collect.c. */
extern const luaL_Reg clientL_waiting_methods[];
/* Adopts a copy of `record`; false when there is no memory. */
bool client_adopt_copy(struct api_client *client, const struct record *record);
void clientL_open(lua_State *L);

MIC_PRIVATE_END
#endif
