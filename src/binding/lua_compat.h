/* What Lua 5.1 to 5.4 and LuaJIT call differently, under names of our own. */
#ifndef MIC_LUA_COMPAT_H
#define MIC_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* LuaJIT says 501 too and has some of these already: hence the names of our own. */
#if LUA_VERSION_NUM < 502
static inline void compatL_setfuncs(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

static inline void *compatL_testudata(lua_State *L, int index, const char *name) {
  void *block = lua_touserdata(L, index);
  if (block == NULL || !lua_getmetatable(L, index))
    return NULL;
  luaL_getmetatable(L, name);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? block : NULL;
}

static inline size_t compat_rawlen(lua_State *L, int index) {
  return lua_objlen(L, index);
}
#else
static inline void compatL_setfuncs(lua_State *L, const luaL_Reg *functions) {
  luaL_setfuncs(L, functions, 0);
}

static inline void *compatL_testudata(lua_State *L, int index, const char *name) {
  return luaL_testudata(L, index, name);
}

static inline size_t compat_rawlen(lua_State *L, int index) {
  return (size_t)lua_rawlen(L, index);
}
#endif

/* One table per userdata keeps alive what its C struct points to. [-1, 0] and [0, +1] */
static inline void compatL_set_anchors(lua_State *L, int index) {
#if LUA_VERSION_NUM < 502
  lua_setfenv(L, index);
#else
  lua_setuservalue(L, index);
#endif
}

static inline void compatL_push_anchors(lua_State *L, int index) {
#if LUA_VERSION_NUM < 502
  lua_getfenv(L, index);
#else
  lua_getuservalue(L, index);
#endif
}

/* 5.1 does not tell its main thread: it is noted when it loads the module, as it nearly always
   does. [0, 0] */
static inline void compatL_note_main_thread(lua_State *L) {
#if LUA_VERSION_NUM < 502
  if (lua_pushthread(L))
    lua_setfield(L, LUA_REGISTRYINDEX, "mic.main_thread");
  else
    lua_pop(L, 1);
#else
  (void)L;
#endif
}

/* The state whose hook a Ctrl-C sets. [0, 0] */
static inline lua_State *compatL_main_thread(lua_State *L) {
#if LUA_VERSION_NUM < 502
  lua_getfield(L, LUA_REGISTRYINDEX, "mic.main_thread");
#else
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
#endif
  lua_State *main_thread = lua_tothread(L, -1);
  lua_pop(L, 1);
  return main_thread == NULL ? L : main_thread;
}

/* Whether the running coroutine could be suspended here: not below a C function that calls Lua.
   True where Lua cannot tell: 5.1 and 5.2, but not LuaJIT, whose lua.h has LUA_OK unlike that
   of 5.1. */
static inline bool compat_is_yieldable(lua_State *L) {
#if LUA_VERSION_NUM >= 503 || (LUA_VERSION_NUM == 501 && defined(LUA_OK))
  return lua_isyieldable(L) != 0;
#else
  (void)L;
  return true;
#endif
}

/* A number without a fraction: an integer where Lua has integers, up to the last that a double
   tells from the next. [0, +1] */
static inline void compatL_push_whole(lua_State *L, double value) {
#if LUA_VERSION_NUM >= 503
  if (value >= -9007199254740992.0 && value <= 9007199254740992.0) {
    lua_pushinteger(L, (lua_Integer)value);
    return;
  }
#endif
  lua_pushnumber(L, value);
}

#endif
