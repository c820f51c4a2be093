/* The client's methods about who waits for its exchanges. */
#include "../core/base.h"

#include "client.h"
#include "engine.h"

/* Pushes a list of the exchanges that ended and were not shown yet; returns how many. The client is
   at index 1. [0, +1] */
static int push_ended(lua_State *L) {
  lua_newtable(L);
  int ended = lua_gettop(L), count = 0;
  compatL_push_anchors(L, 1);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    struct exchange_box *box = exchangeL_check(L, -1);
    engine_sync(&box->exchange);
    if (box->exchange.state == EXCHANGE_DONE && !box->taken) {
      lua_pushvalue(L, -1);
      lua_rawseti(L, ended, ++count);
    }
    if (box->exchange.state == EXCHANGE_DONE) { /* nobody asks for it again */
      lua_pushvalue(L, -2);
      lua_pushnil(L);
      lua_rawset(L, ended + 1);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, ended);
  return count;
}

/* Drives all exchanges that `start` began, in this thread; with an engine it waits for that.
   ---@param seconds number how long to wait for the first that ends
   ---@return mic.exchange[] ended each is shown once */
static int client_collect(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0.0, 2, "seconds must not be negative");
  lua_settop(L, 1);
  if (push_ended(L) > 0)
    return 1;
  lua_pop(L, 1);
  exchangeL_drive(L, client, NULL, seconds);
  push_ended(L);
  return 1;
}

/* Gives the client's exchanges to an engine from now on. Its own connections are closed.
   ---@param engine mic.engine
   ---@return boolean given false while one of its exchanges runs in this thread */
static int client_use_engine(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  struct engine *engine = engineL_check(L, 2);
  bool same = client->engine == engine;
  bool free = client->engine == NULL ? client->connections.running == NULL : client->engine->closed;
  if (!same && free && !client->closed) {
    engineL_keep(L, 1, 2);
    connections_close(&client->connections);
    client->engine = engine;
    same = true;
  }
  lua_pushboolean(L, same);
  return 1;
}

const luaL_Reg clientL_waiting_methods[] = {
    {"collect", client_collect}, {"use_engine", client_use_engine}, {NULL, NULL}};
