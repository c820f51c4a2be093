/* Blocks SIGPIPE around calls into libcurl. Before 7.88 the TLS libraries wrote to sockets without
   MSG_NOSIGNAL and could raise it in the program; wolfSSL still may. Does nothing with other
   versions. */
#ifndef MIC_SIGPIPE_GUARD_H
#define MIC_SIGPIPE_GUARD_H

#include <signal.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct sigpipe_guard {
  sigset_t old_mask;
  bool blocks;
};

/* Use them around calls into libcurl that may write. */
void sigpipe_block(struct sigpipe_guard *guard);
void sigpipe_restore(const struct sigpipe_guard *guard);

MIC_PRIVATE_END
#endif
