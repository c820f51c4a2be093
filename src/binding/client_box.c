#include "../core/base.h"

#include "client_box.h"
#include "engine.h"

const char clientL_type[] = "mic.client";

struct api_client *clientL_check(lua_State *L, int index) {
  struct api_client *client = luaL_checkudata(L, index, clientL_type);
  /* A finalizer may still hold a reference. */
  luaL_argcheck(L, client->base.root != NULL, index, "the client was collected");
  return client;
}

/* The exchange of a blocking call never reaches Lua, so the next call reuses it: one userdata with
   a finalizer less to collect. It is kept among the client's anchors, at 0. */
enum { IDLE_EXCHANGE = 0 };

struct exchange_box *clientL_take_idle_exchange(lua_State *L, struct api_client *client) {
  compatL_push_anchors(L, 1);
  lua_rawgeti(L, -1, IDLE_EXCHANGE);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 2);
    return exchangeL_push(L, client, EXCHANGE_REQUEST);
  }
  lua_pushnil(L); /* in use: a nested call creates its own */
  lua_rawseti(L, -3, IDLE_EXCHANGE);
  lua_remove(L, -2);
  return exchangeL_renew(L, -1, client);
}

void clientL_keep_idle_exchange(lua_State *L, int count) {
  compatL_push_anchors(L, 1);
  lua_pushvalue(L, -2 - count);
  lua_rawseti(L, -2, IDLE_EXCHANGE);
  lua_pop(L, 1);
}

void clientL_watch(lua_State *L, struct exchange_box *box) {
  engineL_register(L, box);
  if (box->watched.list != NULL) /* still listed from its previous use */
    return;
  /* Reuse the key: new keys would make Lua rehash the table every few calls. */
  if (box->watched_as < 1.0)
    box->watched_as = (double)box->exchange.number;
  compatL_push_anchors(L, 1);
  compatL_push_whole(L, box->watched_as);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  list_append(&((struct client_box *)box->client)->watched, &box->watched);
}
