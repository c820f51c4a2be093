/* Preloaded library: advances all clocks but the wall clock by a minute per byte in the file
   LATER. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  struct stat facts;
  const char *path = getenv("LATER");
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && clock != CLOCK_REALTIME && path != NULL && stat(path, &facts) == 0)
    now->tv_sec += 60 * facts.st_size;
  return result;
}
