/* Preloaded: a request body of x comes a tenth of a second after its head, one of X most of a
   second. */
#include <dlfcn.h>
#include <sys/socket.h>
#include <time.h>

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "send");
  char first = length > 0 ? *(const char *)bytes : '\0';
  if (first == 'x' || first == 'X') {
    const struct timespec wait = {0, first == 'x' ? 100000000 : 900000000};
    nanosleep(&wait, NULL);
  }
  return real(descriptor, bytes, length, flags);
}
