#include "../core/base.h"

#include <string.h>

#include "client_box.h"
#include "collect.h"
#include "engine.h"
#include "plain_request.h"

/* Appends ended exchanges to the table at index 2 and removes them from the list; returns how many.
   The client is at index 1. [0, 0] */
static int list_ended(lua_State *L, struct api_client *client) {
  int count = 0;
  struct exchange_box *next = NULL;
  compatL_push_anchors(L, 1);
  /* The loop allocates nothing, so no finalizer changes the list meanwhile. */
  for (struct exchange_box *box = ((struct client_box *)client)->watched; box != NULL; box = next) {
    next = box->next;
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
    exchange_unwatch(box);
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

/* True if an engine runs the exchange while the running coroutine is suspended. */
static bool can_suspend(lua_State *L, const struct api_client *client) {
  return client->engine != NULL && !client->engine->closed && compat_is_yieldable(L);
}

/* Starts a plain GET without waiting.
   ---@param path string
   ---@param timeout number seconds
   ---@param idle? mic.exchange to reuse; its plain_result was taken
   ---@param suspends? boolean start only if an engine runs it while this coroutine is suspended
   ---@return mic.exchange|false exchange for plain_result; false, with nothing done, if the
     coroutine cannot be suspended, or the path needs `request`
   ---@return boolean? running false: it has ended already */
static int client_start_plain(lua_State *L) {
  static const char method[] = "GET";
  struct api_client *client = clientL_check(L, 1);
  struct api_call call = {0};
  double timeout = argumentsL_number(L, 3);
  bool suspends = lua_toboolean(L, 5) != 0;
  lua_settop(L, 4);
  call.path = clientL_plain_path(L, 2, &call.path_length);
  if (suspends && (call.path == NULL || !can_suspend(L, client))) {
    lua_pushboolean(L, 0);
    return 1;
  }
  luaL_argcheck(L, call.path != NULL, 2, "is no path of a plain call");
  struct exchange_box *box;
  if (lua_isnil(L, 4)) {
    box = exchangeL_push(L, client, EXCHANGE_REQUEST);
    lua_replace(L, 4);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    compatL_set_anchors(L, 4);
  } else {
    box = exchangeL_check(L, 4);
    luaL_argcheck(L, exchange_is_free(box, client), 4, "is in use");
    exchangeL_renew(L, 4, client);
  }
  struct exchange *exchange = &box->exchange;
  memcpy(exchange->method, method, sizeof method);
  exchange->timeout = timeout;
  exchange->resend = true;
  exchange->share_connection = true;
  api_client_request(client, exchange, &call);
  clientL_watch(L, box);
  lua_pushboolean(L, exchange->state == EXCHANGE_RUNNING);
  return 2;
}

/* Returns the result of a plain GET.
   ---@param exchange mic.exchange of start_plain
   ---@return any ... as plain_request; false if it has not ended */
static int client_plain_result(lua_State *L) {
  clientL_check(L, 1);
  struct exchange_box *box = exchangeL_check(L, 2);
  engine_sync(&box->exchange);
  luaL_argcheck(L, !box->taken, 2, "has given its result");
  if (box->exchange.state == EXCHANGE_DONE)
    return exchangeL_push_plain_result(L, box);
  lua_pushboolean(L, 0);
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

const struct method clientL_waiting_methods[] = {{"collect", client_collect},
                                                 {"start_plain", client_start_plain},
                                                 {"plain_result", client_plain_result},
                                                 {"use_engine", client_use_engine},
                                                 {"", NULL}};
