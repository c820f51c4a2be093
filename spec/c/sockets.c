/* Lua module: reads the options of this process's socket that is connected to a port. */
#include <lauxlib.h>
#include <lua.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static lua_Integer option(int descriptor, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : -1;
}

/* (port) -> nil, or SO_KEEPALIVE (boolean), TCP_KEEPIDLE (s), TCP_KEEPINTVL (s), TCP_USER_TIMEOUT
   (ms) */
static int options(lua_State *L) {
  lua_Integer port = luaL_checkinteger(L, 1);
  for (int i = 0; i < 1024; i++) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getpeername(i, (struct sockaddr *)&address, &size) != 0 || address.sin_family != AF_INET ||
        ntohs(address.sin_port) != port)
      continue;
    lua_pushboolean(L, option(i, SOL_SOCKET, SO_KEEPALIVE) > 0);
    lua_pushinteger(L, option(i, IPPROTO_TCP, TCP_KEEPIDLE));
    lua_pushinteger(L, option(i, IPPROTO_TCP, TCP_KEEPINTVL));
    lua_pushinteger(L, option(i, IPPROTO_TCP, TCP_USER_TIMEOUT));
    return 4;
  }
  return 0;
}

int luaopen_sockets(lua_State *L) {
  lua_pushcfunction(L, options);
  return 1;
}
