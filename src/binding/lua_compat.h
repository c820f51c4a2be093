/* Compatibility functions for the C APIs of Lua 5.1 to 5.4 and LuaJIT. */
#ifndef MIC_LUA_COMPAT_H
#define MIC_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* An entry of a list of functions, which ends with {"", NULL}. Unlike luaL_Reg it holds the name
   itself, of 15 letters at most: the dynamic linker has one pointer to adjust instead of two. */
struct method {
  char name[16];
  lua_CFunction function;
};

/* Sets the functions in the table on top. [0, 0] */
static inline void compatL_set_methods(lua_State *L, const struct method *methods) {
  for (; methods->function != NULL; methods++) {
    lua_pushcfunction(L, methods->function);
    lua_setfield(L, -2, methods->name);
  }
}

/* LuaJIT's version is 501 too, and it already has some of these: hence our own names. */
#if LUA_VERSION_NUM < 502
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
static inline void *compatL_testudata(lua_State *L, int index, const char *name) {
  return luaL_testudata(L, index, name);
}

static inline size_t compat_rawlen(lua_State *L, int index) {
  return (size_t)lua_rawlen(L, index);
}
#endif

/* One table per userdata keeps alive what its C struct points to: the environment or user value.
   [-1, 0] and [0, +1] */
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

/* Lua 5.1 has no reference to its main thread, so it is recorded when it loads the module, as it
   usually does. [0, 0] */
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

/* The Lua state whose hook Ctrl-C sets. [0, 0] */
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

/* True if the running coroutine can be suspended here: no C function below it calls Lua. Always
   true where Lua cannot tell: in 5.1 and 5.2, but not in LuaJIT, whose lua.h defines LUA_OK, unlike
   that of 5.1. */
static inline bool compat_is_yieldable(lua_State *L) {
#if LUA_VERSION_NUM >= 503 || (LUA_VERSION_NUM == 501 && defined(LUA_OK))
  return lua_isyieldable(L) != 0;
#else
  (void)L;
  return true;
#endif
}

/* Pushes a whole number: as an integer where Lua has integers, if a double represents it exactly.
   [0, +1] */
MIC_PRIVATE_BEGIN
void compatL_push_whole(lua_State *L, double value);
MIC_PRIVATE_END

#endif
