#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "append_line.h"

int append_line(const char *path, const char *bytes, size_t length) {
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  int descriptor = open(path, flags, 0600);
  if (descriptor < 0)
    return errno;
  ssize_t written = write(descriptor, bytes, length);
  int problem = written < 0 ? errno : (size_t)written < length ? ENOSPC : 0;
  close(descriptor);
  return problem;
}
