/* Preloaded library: a system without getrandom, as with an old kernel. NO_DEV=1: without /dev, as
   in a chroot. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long syscall(long number, ...) {
  static long (*real)(long, ...);
  va_list list;
  long given[6];
  va_start(list, number);
  for (int i = 0; i < 6; i++)
    given[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_getrandom) {
    errno = ENOSYS;
    return -1;
  }
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
  return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

int open(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  va_list list;
  va_start(list, flags);
  unsigned mode = (flags & O_CREAT) != 0 ? va_arg(list, unsigned) : 0;
  va_end(list);
  if (getenv("NO_DEV") != NULL && strncmp(path, "/dev/", 5) == 0) {
    errno = ENOENT;
    return -1;
  }
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "open");
  return real(path, flags, mode);
}
