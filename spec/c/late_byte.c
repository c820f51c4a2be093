/* Preloaded: a wake byte of the engine comes a hundredth of a second after its time. */
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
