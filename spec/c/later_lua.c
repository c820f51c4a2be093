/* Lua module built for another Lua that has the symbols of this one. */
#include <lauxlib.h>
#include <lua.h>

int luaopen_mic_core(lua_State *L);

extern const char built_for[];
const char built_for[] = "mic.core was built for Lua 9.9";

int luaopen_mic_core(lua_State *L) {
#if LUA_VERSION_NUM >= 503
  luaL_checkversion_(L, 909, LUAL_NUMSIZES);
#elif LUA_VERSION_NUM == 502
  luaL_checkversion_(L, 909);
#endif
  (void)L;
  return built_for[0];
}
