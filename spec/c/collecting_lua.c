/* Lua interpreter that forces garbage collections while it runs a script, so that unreferenced
   objects are freed at once: at each object that Lua creates for mic/core.so, and at each
   COLLECT-th of all others (an environment variable; default 0: none). These collections run no
   finalizers; a full one runs every ten thousand instructions. collecting_lua SCRIPT [ARGUMENT...]
   Needs Lua 5.2 or later, which collects when an allocation fails and then retries. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "failing_allocator.h"

#if LUA_VERSION_NUM < 502
#error "collecting_lua needs Lua 5.2 or later: older ones do not collect when memory ends"
#endif

enum { FINALIZE_INSTRUCTIONS = 10000 };

/* Sets the global `arg`. [0, 0] */
static void set_arguments(lua_State *L, int count, char **words) {
  lua_createtable(L, count, 1);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, words[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
}

/* Loads the module first, because its address must be known. */
static void load_module(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushstring(L, "mic.core");
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "collecting_lua: %s\n", lua_tostring(L, -1));
    exit(2);
  }
  allocator_find_libraries();
}

static void on_count(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_gc(L, LUA_GCCOLLECT, 0);
}

/* Adds a traceback to an error message. */
static int on_error(lua_State *L) {
  if (lua_isstring(L, 1))
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

static int run(lua_State *L, int count, char **words) {
  lua_pushcfunction(L, on_error);
  int status = luaL_loadfile(L, words[1]);
  for (int i = 2; i < count; i++)
    lua_pushstring(L, words[i]);
  if (status == 0)
    status = lua_pcall(L, count - 2, 0, 1);
  if (status != 0)
    fprintf(stderr, "collecting_lua: %s\n", luaL_tolstring(L, -1, NULL));
  return status;
}

int main(int count, char **words) {
  const char *step = getenv("COLLECT");
  lua_State *L = count < 2 ? NULL : lua_newstate(allocator_for_lua, NULL);
  if (L == NULL) {
    fputs("usage: collecting_lua SCRIPT [ARGUMENT...]\n", stderr);
    return 2;
  }
  luaL_openlibs(L);
  luaL_checkstack(L, count + 20, NULL);
  set_arguments(L, count, words);
  load_module(L);
  lua_sethook(L, on_count, LUA_MASKCOUNT, FINALIZE_INSTRUCTIONS);
  allocator_collect(step == NULL ? 0 : strtoul(step, NULL, 10), true);
  int status = run(L, count, words);
  allocator_collect(0, false);
  lua_close(L);
  return status == 0 ? 0 : 1;
}
