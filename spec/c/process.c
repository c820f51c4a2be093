/* Lua module for specs: fork, wait and exit. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int luaopen_process(lua_State *L);

static int process_fork(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)fork());
  return 1;
}

/* The exit code of a child; negative: the signal that ended it. */
static int process_wait(lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 1;
}

/* Exits without exit handlers, as a forked child should. */
static int process_leave(lua_State *L) {
  _exit((int)luaL_checkinteger(L, 1));
  return 0;
}

/* Exits with exit handlers. */
static int process_exit(lua_State *L) {
  exit((int)luaL_checkinteger(L, 1));
  return 0;
}

static void add(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

int luaopen_process(lua_State *L) {
  lua_newtable(L);
  add(L, "fork", process_fork);
  add(L, "wait", process_wait);
  add(L, "leave", process_leave);
  add(L, "exit", process_exit);
  return 1;
}
