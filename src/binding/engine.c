#include "../core/base.h"

#include "engine.h"

static const char TYPE[] = "mic.engine";
static const char CURRENT[] = "mic.engine.current"; /* registry key: the engine of this Lua state */
/* Registry key of a weak table: exchanges of an engine, by their address. */
static const char EXCHANGES[] = "mic.engine.exchanges";

struct engine *engineL_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, TYPE);
}

/* ---- engine of this Lua state ---- */

static void read_options(lua_State *L, struct engine *engine) {
  engine->limit = ENGINE_LIMIT;
  if (lua_isnoneornil(L, 1))
    return;
  luaL_checktype(L, 1, LUA_TTABLE);
  engine->limit = argumentsL_count(L, 1, "limit", ENGINE_LIMIT);
  engine->awaits_lookups = argumentsL_boolean(L, 1, "await_lookups");
}

/* Returns the engine of this Lua state: always the same one until it is closed. Its thread starts
   at first use.
   ---@param options? table for a new engine only. limit: the most calls in flight (4096);
     await_lookups: let a cancelled call wait for its name lookup, as with libcurl before 7.87
   ---@return mic.engine? engine nil, kind, code, message if libcurl cannot run one */
int engineL_get(lua_State *L) {
  lua_settop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, CURRENT);
  const struct engine *present = compatL_testudata(L, -1, TYPE);
  if (present != NULL && !present->closed)
    return 1;
  const char *problem = engine_problem();
  if (problem != NULL) {
    lua_pushnil(L);
    lua_pushliteral(L, "config");
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 4;
  }
  struct engine *engine = argumentsL_new_block(L, sizeof *engine);
  read_options(L, engine);
  argumentsL_set_type(L, TYPE);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, CURRENT);
  return 1;
}

struct engine *engineL_option(lua_State *L, int table) {
  struct engine *engine = NULL;
  lua_getmetatable(L, -1);
  if (argumentsL_field(L, table, "engine") != LUA_TNIL) {
    engine = compatL_testudata(L, -1, TYPE);
    if (engine == NULL)
      argumentsL_raise(L, "engine must be one of core.engine()");
  }
  lua_setfield(L, -2, "engine");
  lua_pop(L, 1);
  return engine;
}

void engineL_keep(lua_State *L, int client, int engine) {
  compatL_push_anchors(L, client);
  lua_getmetatable(L, -1);
  lua_pushvalue(L, engine);
  lua_setfield(L, -2, "engine");
  lua_pop(L, 2);
}

void engineL_register(lua_State *L, struct exchange_box *box) {
  if (box->exchange.job == NULL)
    return;
  lua_getfield(L, LUA_REGISTRYINDEX, EXCHANGES);
  lua_pushlightuserdata(L, &box->exchange);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* ---- methods ---- */

/* Returns the completions since the last call. Never waits.
   ---@return mic.exchange[] exchanges that ended or have a piece or progress, each once: call
     their `run` until it returns "wait" or "done" */
static int engine_collect(lua_State *L) {
  struct engine *engine = engineL_check(L, 1);
  int count = 0;
  lua_settop(L, 1);
  lua_newtable(L);
  lua_getfield(L, LUA_REGISTRYINDEX, EXCHANGES);
  engine_drain(engine);
  engine->collects++;
  for (;;) {
    struct exchange *exchange = engine_next(engine);
    if (exchange == NULL)
      break;
    lua_pushlightuserdata(L, exchange);
    lua_rawget(L, 3);
    struct exchange_box *box = lua_touserdata(L, -1); /* NULL: of a blocking call */
    if (box == NULL || box->listed == engine->collects) {
      lua_pop(L, 1);
      continue;
    }
    lua_rawseti(L, 2, ++count);
    box->listed = engine->collects;
  }
  lua_settop(L, 2);
  return 1;
}

/* A descriptor for an event loop: readable if collect has something. Starts the thread.
   ---@return integer? descriptor nil, kind, code, message if the thread cannot be started.
     A child process gets another one */
static int engine_fd(lua_State *L) {
  struct failure failure = {0};
  int descriptor = engine_descriptor(engineL_check(L, 1), &failure);
  if (descriptor < 0)
    return argumentsL_push_failure(L, &failure);
  lua_pushinteger(L, descriptor);
  return 1;
}

/* For an event loop that cannot watch a foreign descriptor: a Unix socket in a folder that only
   this user can enter, for one connection from this process. It sends a byte "w" for completions,
   and "e" before it closes because no transfer was in flight for some seconds.
   ---@return string? path nil, kind, code, message */
static int engine_listen_at(lua_State *L) {
  char path[128];
  struct failure failure = {0};
  if (!engine_listen(engineL_check(L, 1), path, sizeof path, &failure))
    return argumentsL_push_failure(L, &failure);
  lua_pushstring(L, path);
  return 1;
}

/* ---@return integer count of exchanges in flight */
static int engine_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)engine_in_flight(engineL_check(L, 1)));
  return 1;
}

/* Ends all exchanges with `closed`, and the thread. Idempotent. */
static int engine_release(lua_State *L) {
  struct engine *engine = compatL_testudata(L, 1, TYPE);
  if (engine != NULL)
    engine_close(engine);
  return 0;
}

static int engine_to_string(lua_State *L) {
  const struct engine *engine = engineL_check(L, 1);
  lua_pushfstring(L, "%s (%s)", TYPE, engine->closed ? "closed" : "open");
  return 1;
}

void engineL_open(lua_State *L) {
  static const struct method methods[] = {{"collect", engine_collect},  {"fd", engine_fd},
                                          {"listen", engine_listen_at}, {"in_flight", engine_count},
                                          {"close", engine_release},    {"", NULL}};
  argumentsL_new_type(L, TYPE, methods, engine_release, engine_to_string);
  argumentsL_push_weak(L);
  lua_setfield(L, LUA_REGISTRYINDEX, EXCHANGES);
}
