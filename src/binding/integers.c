/* Whole numbers: pushes them, and converts whole floats to integers (Lua 5.3 and 5.4), for JSON
   decoders that produce only floats. */
#include "../core/base.h"

#include <math.h>

#include "system.h"

void compatL_push_whole(lua_State *L, double value) {
#if LUA_VERSION_NUM >= 503
  if (value >= -9007199254740992.0 && value <= 9007199254740992.0) {
    lua_pushinteger(L, (lua_Integer)value);
    return;
  }
#endif
  lua_pushnumber(L, value);
}

#if LUA_VERSION_NUM >= 503

static bool is_whole_float(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TNUMBER || lua_isinteger(L, index))
    return false;
  double value = lua_tonumber(L, index);
  /* -0.0 stays a float: an integer has no negative zero. */
  return fabs(value) <= 9007199254740992.0 && (double)(int64_t)value == value &&
         !(value == 0.0 && signbit(value));
}

/* Walks the table at the top. Assigning to existing fields is allowed during lua_next. */
static void walk(lua_State *L, int depth) {
  luaL_checkstack(L, 6, "a value is nested too deeply");
  if (depth > 1000) /* the decoder's limit; stops at a cyclic table */
    argumentsL_raise(L, "a value is nested too deeply");
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_type(L, -1) == LUA_TTABLE) {
      walk(L, depth + 1);
    } else if (is_whole_float(L, -1)) {
      lua_pushvalue(L, -2);
      lua_pushinteger(L, (lua_Integer)lua_tonumber(L, -2));
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
}

#endif

/* Converts whole floats up to 2^53 to integers, in tables in place.
   ---@param value any a decoded JSON value
   ---@return any value the same */
int integersL(lua_State *L) {
  luaL_argcheck(L, lua_gettop(L) > 0, 1, "value expected");
  lua_settop(L, 1);
#if LUA_VERSION_NUM >= 503
  if (lua_type(L, 1) == LUA_TTABLE)
    walk(L, 1);
  else if (is_whole_float(L, 1))
    lua_pushinteger(L, (lua_Integer)lua_tonumber(L, 1));
#endif
  return 1;
}
