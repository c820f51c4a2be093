/* Lua module: many clients at once that send a request, read the first byte of the answer, and
   disconnect. nginx ignores a disconnect before it has read the request. */
#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 512 };

int luaopen_impatient(lua_State *L);

static int send_one(int port, const char *request, size_t length) {
  struct sockaddr_in address;
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval longest = {60, 0};
  if (descriptor >= 0 &&
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest) == 0 &&
      connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0 &&
      send(descriptor, request, length, MSG_NOSIGNAL) == (ssize_t)length)
    return descriptor;
  if (descriptor >= 0)
    close(descriptor);
  return -1;
}

/* give_up(port, request, count, seconds) → how many read a byte. All wait `seconds` after that,
   then disconnect. */
static int give_up(lua_State *L) {
  size_t length = 0;
  int descriptors[MOST], port = (int)luaL_checkinteger(L, 1), sent = 0, seen = 0;
  const char *request = luaL_checklstring(L, 2, &length);
  int count = (int)luaL_checkinteger(L, 3);
  double seconds = luaL_checknumber(L, 4);
  luaL_argcheck(L, count <= MOST, 3, "too many at once");
  for (int index = 0; index < count; index++) {
    int descriptor = send_one(port, request, length);
    if (descriptor >= 0)
      descriptors[sent++] = descriptor;
  }
  for (int index = 0; index < sent; index++) {
    char byte;
    ssize_t got;
    do {
      got = recv(descriptors[index], &byte, 1, 0);
    } while (got < 0 && errno == EINTR);
    seen += got == 1;
  }
  struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&pause, NULL);
  for (int index = 0; index < sent; index++)
    close(descriptors[index]);
  lua_pushinteger(L, seen);
  return 1;
}

int luaopen_impatient(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, give_up);
  lua_setfield(L, -2, "give_up");
  return 1;
}
