/* Keeps SIGPIPE away from a host program that does not expect it: until libcurl 7.88 the TLS
   libraries wrote to its sockets by themselves (wolfSSL may still) and raised it; now each write
   has MSG_NOSIGNAL, and nothing is done. */
#ifndef MIC_SIGPIPE_GUARD_H
#define MIC_SIGPIPE_GUARD_H

#include <signal.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct sigpipe_guard {
  sigset_t old_mask;
  bool blocks;
};

/* Around calls into libcurl that may write. */
void sigpipe_block(struct sigpipe_guard *guard);
void sigpipe_restore(const struct sigpipe_guard *guard);

MIC_PRIVATE_END
#endif
