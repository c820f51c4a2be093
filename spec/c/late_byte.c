/* Preloaded library: delays each wake byte of the engine by 10 ms. */
#include <dlfcn.h>
#include <sys/socket.h>
#include <time.h>

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "send");
  if (length == 1 && *(const char *)bytes == 'w') {
    const struct timespec wait = {0, 10000000};
    nanosleep(&wait, NULL);
  }
  return real(descriptor, bytes, length, flags);
}
