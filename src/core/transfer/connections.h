/* Connections of one client: its multi handle, the easy handles kept for reuse, and the loop that
   runs transfers in the calling thread. */
#ifndef MIC_CONNECTIONS_H
#define MIC_CONNECTIONS_H

#include <curl/curl.h>
#include <sys/types.h>

#include "../base.h"
#include "../list.h"
#include "connection_options.h"
#include "exchange.h"
#include "poller.h"
#include "sessions.h"

MIC_PRIVATE_BEGIN

enum { IDLE_HANDLES_MAX = 128 };

struct engine_limiter;

struct connections {
  struct connection_options options;
  struct poller poller; /* opened at first use */
  struct sessions sessions;
  pid_t process; /* the owner: a child process must not use it */
  CURL *idle[IDLE_HANDLES_MAX];
  size_t idle_count;
  struct list running;            /* of exchanges, borrowed */
  struct engine_limiter *limiter; /* a reference; for the engine */
  double driven_until;            /* idle_clock_now at the end of the last connections_drive */
};

/* Starts the exchange, which may end at once. If it cannot start, it is DONE with its failure. */
void connections_start(struct connections *connections, struct exchange *exchange);
/* Ends a running exchange with this failure. Does nothing if it is done. */
void connections_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);
/* Runs all transfers until `exchange` is done (NULL: until any is), `seconds` have passed, or
   `interrupted` returns true. `interrupted` is called every half second and after each signal. */
void connections_drive(struct connections *connections, const struct exchange *exchange,
                       double seconds, bool (*interrupted)(void *context), void *context);
/* Releases the piece that the exchange holds, so that more can arrive. */
void connections_drop_piece(struct exchange *exchange);
/* For the engine. connections_acquire: prepares a handle with these shared sessions for the
   exchange. connections_release: takes it back after the end; frees it if `connections` is NULL. */
CURLcode connections_acquire(struct connections *connections, struct exchange *exchange,
                             struct sessions *sessions);
void connections_release(struct connections *connections, struct exchange *exchange);
/* Ends all running exchanges with FAILURE_CLOSED and closes all connections. */
void connections_close(struct connections *connections);

MIC_PRIVATE_END
#endif
