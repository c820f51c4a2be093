/* Detects dead connections: a call timed out and nothing was received. A firewall or NAT on the
   path may have dropped the connection, and libcurl would reuse it for many minutes (HTTP/2). */
#ifndef MIC_DEAD_CONNECTION_H
#define MIC_DEAD_CONNECTION_H

#include "../base.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

/* Call it after exchange_finish, while the exchange has its handle. Shuts its connection down if it
   is dead, and idle ones to the same origin. Returns its socket for poller_remove; -1 if there is
   none. */
int dead_connection_end(const struct exchange *exchange);

MIC_PRIVATE_END
#endif
