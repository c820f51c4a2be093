/* Lua module built for another Lua: it needs a symbol that this interpreter lacks. */
typedef struct lua_State lua_State;

void lua_of_another_version(lua_State *L);
int luaopen_mic_core(lua_State *L);

extern const char built_for[];
const char built_for[] = "mic.core was built for Lua 9.9";

int luaopen_mic_core(lua_State *L) {
  lua_of_another_version(L);
  return built_for[0];
}
