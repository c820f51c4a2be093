/* Preloaded library: recv, and read of a socket, hold a lock without fork handlers, as TLS
   libraries do. Before 7.88 it is OpenSSL that reads libcurl's sockets. */
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOLD_MICROSECONDS = 3000 };

int luaopen_locked_recv(lua_State *L);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long taken;

ssize_t recv(int descriptor, void *bytes, size_t size, int flags) {
  ssize_t (*next)(int, void *, size_t, int) = NULL;
  *(void **)&next = dlsym(RTLD_NEXT, "recv");
  if ((flags & MSG_DONTWAIT) != 0) /* reads the wake byte */
    return next(descriptor, bytes, size, flags);
  pthread_mutex_lock(&lock);
  taken++;
  usleep(HOLD_MICROSECONDS);
  ssize_t result = next(descriptor, bytes, size, flags);
  pthread_mutex_unlock(&lock);
  return result;
}

ssize_t read(int descriptor, void *bytes, size_t size) {
  ssize_t (*next)(int, void *, size_t) = NULL;
  int type = 0;
  socklen_t length = sizeof type;
  *(void **)&next = dlsym(RTLD_NEXT, "read");
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM)
    return next(descriptor, bytes, size);
  pthread_mutex_lock(&lock);
  taken++;
  usleep(HOLD_MICROSECONDS);
  ssize_t result = next(descriptor, bytes, size);
  pthread_mutex_unlock(&lock);
  return result;
}

/* True if the lock is free. */
static int is_free(lua_State *L) {
  int error = pthread_mutex_trylock(&lock);
  if (error == 0)
    pthread_mutex_unlock(&lock);
  lua_pushboolean(L, error == 0);
  return 1;
}

static int count(lua_State *L) {
  pthread_mutex_lock(&lock);
  lua_pushinteger(L, (lua_Integer)taken);
  pthread_mutex_unlock(&lock);
  return 1;
}

int luaopen_locked_recv(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, is_free);
  lua_setfield(L, -2, "is_free");
  lua_pushcfunction(L, count);
  lua_setfield(L, -2, "count");
  return 1;
}
