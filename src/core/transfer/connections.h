/* The connections of one client: one multi handle, the easy handles that wait for reuse, and the
   drive that waits in the caller's thread. */
#ifndef MIC_CONNECTIONS_H
#define MIC_CONNECTIONS_H

#include <curl/curl.h>
#include <sys/types.h>

#include "../base.h"
#include "exchange.h"
#include "poller.h"
#include "sessions.h"

MIC_PRIVATE_BEGIN

enum { IDLE_HANDLES_MAX = 128 };

/* How to connect. The strings are owned; NULL = not given. */
struct connection_options {
  char *ca_file, *ca_path;
  char *ca_file_name; /* what messages call ca_file; NULL: tls.ca_file */
  char *client_cert, *client_key;
  uint64_t key_mark; /* no two clients have the same: see client_identity.h; 0: none yet */
  char *pinned_public_key;
  char *proxy;
  char *user_agent;
  long min_tls_version; /* CURL_SSLVERSION_* */
  long http_version;    /* CURL_HTTP_VERSION_* */
};

struct engine_limiter;

struct connections {
  struct connection_options options;
  struct poller poller; /* opened at first use */
  struct sessions sessions;
  pid_t process; /* that made it: after a fork the child must not touch it */
  CURL *idle[IDLE_HANDLES_MAX];
  size_t idle_count;
  struct exchange *running;       /* borrowed, doubly linked */
  struct engine_limiter *limiter; /* a reference; of the engine that drives instead */
  double driven_until;            /* on idle_clock_now: the drive ended last */
};

/* Begins the exchange; it may end at once. What cannot begin is DONE with its failure. */
void connections_start(struct connections *connections, struct exchange *exchange);
/* Ends a running exchange early with this failure; nothing happens to one that is done. */
void connections_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);
/* Drives all running exchanges until `exchange` is done (NULL: until any is), `seconds` have
   passed, or `interrupted` (asked every half second and after each signal) returns true. */
void connections_drive(struct connections *connections, const struct exchange *exchange,
                       double seconds, bool (*interrupted)(void *context), void *context);
/* Lets go of the piece that the exchange holds, so that more may come. */
void connections_drop_piece(struct exchange *exchange);
/* For an engine: gives the exchange a handle that is ready to run with these shared sessions, and
   takes it back, after the end; without connections it is thrown away. */
CURLcode connections_lend(struct connections *connections, struct exchange *exchange,
                          struct sessions *sessions);
void connections_give_back(struct connections *connections, struct exchange *exchange);
/* Ends all running exchanges with FAILURE_CLOSED and closes every connection. */
void connections_close(struct connections *connections);
/* Whether something may be sent through a proxy, of the options or the environment. */
bool connection_options_may_proxy(const struct connection_options *options);
void connection_options_clear(struct connection_options *options);

MIC_PRIVATE_END
#endif
