/* Sets flags on our own sockets and pipes, and closes them. */
#ifndef MIC_DESCRIPTOR_H
#define MIC_DESCRIPTOR_H

#include <fcntl.h>
#include <unistd.h>

#include "../base.h"

/* Two fcntl calls, because not every system has SOCK_CLOEXEC and SOCK_NONBLOCK. */
static inline bool descriptor_set_up(int descriptor) {
  return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

static inline void descriptor_close(int *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
  *descriptor = -1;
}

#endif
