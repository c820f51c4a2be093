#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "descriptor.h"

/* Two fcntl calls, because not every system has SOCK_CLOEXEC and SOCK_NONBLOCK. */
bool descriptor_set_up(int descriptor) {
  return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

void descriptor_close(int *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
  *descriptor = -1;
}

int descriptor_write(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(descriptor, bytes, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written < 0 ? errno : ENOSPC;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}
