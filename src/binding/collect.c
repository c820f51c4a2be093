#include "../core/base.h"

#include "client_box.h"
#include "collect.h"
#include "engine.h"

/* Appends ended exchanges to the table at index 2 and removes them from the list; returns how many.
   The client is at index 1. [0, 0] */
static int list_ended(lua_State *L, struct api_client *client) {
  int count = 0;
  struct list_link *next = NULL;
  compatL_push_anchors(L, 1);
  /* The loop allocates nothing, so no finalizer changes the list meanwhile. */
  for (struct list_link *each = ((struct client_box *)client)->watched.first; each != NULL;
       each = next) {
    struct exchange_box *box = LIST_ITEM(each, struct exchange_box, watched);
    next = each->next;
    engine_sync(&box->exchange);
    if (box->exchange.state != EXCHANGE_DONE)
      continue;
    compatL_push_whole(L, box->watched_as);
    lua_rawget(L, -2);
    if (box->taken || lua_isnil(L, -1)) /* nil: being collected */
      lua_pop(L, 1);
    else
      lua_rawseti(L, 2, ++count);
    compatL_push_whole(L, box->watched_as);
    lua_pushnil(L);
    lua_rawset(L, -3);
    list_remove(each);
  }
  lua_pop(L, 1);
  return count;
}

/* Runs all exchanges that `start` began, in this thread; with an engine, waits for it.
   ---@param seconds number how long to wait for the first one that ends
   ---@return mic.exchange[] ended each is returned once */
static int client_collect(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double seconds = argumentsL_number(L, 2);
  luaL_argcheck(L, seconds >= 0.0, 2, "seconds must not be negative");
  lua_settop(L, 1);
  lua_newtable(L);
  if (list_ended(L, client) > 0)
    return 1;
  exchangeL_drive(L, client, NULL, seconds);
  list_ended(L, client);
  return 1;
}

/* Moves the client's future exchanges to an engine. Closes the client's own connections.
   ---@param engine mic.engine
   ---@return boolean given false if one of its exchanges runs in this thread */
static int client_use_engine(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  struct engine *engine = engineL_check(L, 2);
  bool same = client->engine == engine;
  bool free =
      client->engine == NULL ? client->connections.running.count == 0 : client->engine->closed;
  if (!same && free && !client->closed) {
    engineL_keep(L, 1, 2);
    connections_close(&client->connections);
    client->engine = engine;
    same = true;
  }
  lua_pushboolean(L, same);
  return 1;
}

const struct method clientL_waiting_methods[] = {
    {"collect", client_collect}, {"use_engine", client_use_engine}, {"", NULL}};
