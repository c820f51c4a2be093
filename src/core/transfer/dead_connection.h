/* A connection on which a call has timed out with nothing heard: the path to the server may have
   forgotten it, and libcurl would give it to the next calls for many minutes (HTTP/2). */
#ifndef MIC_DEAD_CONNECTION_H
#define MIC_DEAD_CONNECTION_H

#include "../base.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

/* After exchange_finish, while the exchange has its handle: ends its connection when it shows that
   this is dead, for poller_remove to tell the others, and the idle ones to that origin. Returns its
   socket; -1 where there is nobody to tell. */
int dead_connection_end(const struct exchange *exchange);

MIC_PRIVATE_END
#endif
