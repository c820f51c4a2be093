#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../process/process_id.h"
#include "../process/sigpipe_guard.h"
#include "connections.h"
#include "dead_connection.h"

/* The longest delay before Ctrl-C is noticed. */
static const double SLICE_SECONDS = 0.5;

/* ---- handles ---- */

#define SET(option, value)                                                                         \
  do {                                                                                             \
    CURLcode set_code = curl_easy_setopt(easy, option, value);                                     \
    if (set_code != CURLE_OK)                                                                      \
      return set_code;                                                                             \
  } while (0)

static CURLcode set_protocols(CURL *easy) {
  /* url_parse decides which plain http is allowed. */
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "https,http");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  return CURLE_OK;
}

/* Sets the options that never change. */
static CURLcode configure(struct connection_options *options, CURL *easy) {
  CURLcode code = exchange_configure(easy);
  if (code == CURLE_OK)
    code = set_protocols(easy);
  if (code == CURLE_OK)
    code = connection_options_set(options, easy);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) : code;
}

/* libcurl cannot resize the buffer of a used handle, and remembers refused streams in it. Such
   handles are not reused. */
static bool is_for_one(const struct exchange *exchange) {
  return exchange->download.path != NULL || exchange->worn;
}

/* A configured handle, owned by the caller. NULL with the reason in `code` on failure. */
static CURL *take_handle(struct connections *connections, const struct exchange *exchange,
                         CURLcode *code) {
  *code = CURLE_OK;
  if (connections->idle_count > 0 && !is_for_one(exchange))
    return connections->idle[--connections->idle_count];
  CURL *easy = curl_easy_init();
  if (easy == NULL) {
    *code = CURLE_OUT_OF_MEMORY;
    return NULL;
  }
  *code = configure(&connections->options, easy);
  if (*code == CURLE_OK)
    *code = sessions_enter(&connections->sessions, easy);
  if (*code == CURLE_OK)
    return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

static void drop_idle_handles(struct connections *connections) {
  while (connections->idle_count > 0)
    curl_easy_cleanup(connections->idle[--connections->idle_count]);
}

static void release_handle(struct connections *connections, const struct exchange *exchange,
                           CURL *easy) {
  exchange_leave(exchange, easy);
  if (connections->idle_count < IDLE_HANDLES_MAX && !is_for_one(exchange) &&
      !sessions_have_older(&connections->sessions))
    connections->idle[connections->idle_count++] = easy;
  else
    curl_easy_cleanup(easy);
}

/* ---- running exchanges ---- */

static struct exchange *exchange_of(struct list_link *link) {
  return LIST_ITEM(link, struct exchange, running);
}

static void end_exchange(struct connections *connections, struct exchange *exchange,
                         CURLcode code) {
  CURL *easy = exchange->easy;
  exchange_finish(exchange, code);
  if (connections->process == process_id()) {
    poller_remove(&connections->poller, easy, dead_connection_end(exchange));
    release_handle(connections, exchange, easy);
  }
  exchange->easy = NULL;
  exchange->connections = NULL;
  list_remove(&exchange->running);
}

/* After a fork the handles share their sockets with the parent: even a clean close would send bytes
   on its connections. The child leaves them alone and creates its own. */
static void leave_parents_handles(struct connections *connections) {
  if (connections->process == 0 || connections->process == process_id())
    return;
  while (connections->running.first != NULL)
    connections_cancel(exchange_of(connections->running.first), FAILURE_CLOSED,
                       "the exchange belongs to the parent process");
  poller_abandon(&connections->poller);
  memset(&connections->sessions, 0, sizeof connections->sessions);
  connections->idle_count = 0;
  connections->process = 0;
}

/* False if out of memory. */
static bool open_poller(struct connections *connections) {
  if (poller_is_open(&connections->poller))
    return true;
  if (!poller_open(&connections->poller, 0L)) {
    poller_close(&connections->poller);
    return false;
  }
  connections->process = process_id();
  return true;
}

void connections_start(struct connections *connections, struct exchange *exchange) {
  leave_parents_handles(connections);
  CURLcode code = CURLE_OUT_OF_MEMORY;
  CURL *easy = NULL;
  exchange->sockets = &connections->poller.sockets;
  if (open_poller(connections)) {
    if (sessions_renew(&connections->sessions))
      drop_idle_handles(connections);
    easy = take_handle(connections, exchange, &code);
  }
  if (easy == NULL) {
    exchange_finish(exchange, code);
    return;
  }
  sessions_limit_age(&connections->sessions, easy);
  code = exchange_prepare(exchange, easy);
  if (code == CURLE_OK && !poller_add(&connections->poller, easy))
    code = CURLE_OUT_OF_MEMORY;
  if (code != CURLE_OK) {
    exchange_finish(exchange, code);
    release_handle(connections, exchange, easy);
    return;
  }
  exchange->easy = easy;
  exchange->state = EXCHANGE_RUNNING;
  exchange->connections = connections;
  list_append(&connections->running, &exchange->running);
}

/* ---- handles for the engine ---- */

CURLcode connections_acquire(struct connections *connections, struct exchange *exchange,
                             struct sessions *sessions) {
  CURLcode code = CURLE_OUT_OF_MEMORY;
  leave_parents_handles(connections);
  connections->process = process_id();
  exchange->easy = take_handle(connections, exchange, &code);
  if (exchange->easy == NULL)
    return code;
  sessions_renew(sessions);
  sessions_limit_age(sessions, exchange->easy);
  code = sessions_enter(sessions, exchange->easy);
  if (code == CURLE_OK)
    code = exchange_prepare(exchange, exchange->easy);
  exchange->state = EXCHANGE_RUNNING;
  if (code != CURLE_OK)
    connections_release(connections, exchange);
  return code;
}

void connections_release(struct connections *connections, struct exchange *exchange) {
  CURL *easy = exchange->easy;
  exchange->easy = NULL;
  if (easy == NULL)
    return;
  curl_easy_setopt(easy, CURLOPT_SHARE, NULL); /* an idle handle may outlive the engine */
  if (connections != NULL)
    release_handle(connections, exchange, easy);
  else
    curl_easy_cleanup(easy);
}

void connections_cancel(struct exchange *exchange, enum failure_kind kind, const char *message) {
  if (exchange->state != EXCHANGE_RUNNING)
    return;
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  exchange_fail(exchange, kind, NULL, message);
  end_exchange(exchange->connections, exchange, CURLE_OK);
  sigpipe_restore(&guard);
}

/* ---- run ---- */

static bool take_messages(struct connections *connections) {
  bool ended = false;
  int left = 0;
  exchange_listen(&connections->poller.sockets);
  for (;;) {
    CURLMsg *message = curl_multi_info_read(connections->poller.multi, &left);
    if (message == NULL)
      return ended;
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode code = message->data.result;
    CURL *easy = message->easy_handle;
    void *context = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
    struct exchange *exchange = context;
    if (exchange_rewind(exchange, code) &&
        poller_add_again(&connections->poller, easy, exchange->easy))
      continue;
    end_exchange(connections, context, code);
    ended = true;
  }
}

/* For when libcurl is out of memory. */
static void fail_all(struct connections *connections) {
  while (connections->running.first != NULL)
    end_exchange(connections, exchange_of(connections->running.first), CURLE_OUT_OF_MEMORY);
  poller_discard(&connections->poller);
}

void connections_drop_piece(struct exchange *exchange) {
  struct connections *connections = exchange->connections;
  if (exchange_drop_piece(exchange))
    return;
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  fail_all(connections);
  sigpipe_restore(&guard);
}

static bool has_progress(const struct exchange *exchange) {
  return exchange->progress.changed || exchange_has_piece(exchange);
}

static bool is_over(const struct connections *connections, const struct exchange *exchange,
                    bool ended) {
  if (exchange != NULL)
    return exchange->state != EXCHANGE_RUNNING || has_progress(exchange);
  return ended || connections->running.first == NULL;
}

/* The time between two calls counts as the program's, not the network's. */
static void skip_what_was_not_driven(struct connections *connections) {
  double seconds = idle_clock_now() - connections->driven_until;
  for (struct list_link *each = connections->running.first; each != NULL; each = each->next)
    idle_clock_skip(&exchange_of(each)->idle, seconds);
}

/* Ends the exchanges without progress within their limit. */
static bool end_stalled(struct connections *connections) {
  bool ended = false;
  struct list_link *following = NULL;
  for (struct list_link *each = connections->running.first; each != NULL; each = following) {
    following = each->next;
    if (!exchange_fail_stalled(exchange_of(each)))
      continue;
    end_exchange(connections, exchange_of(each), CURLE_OK);
    ended = true;
  }
  return ended;
}

/* Seconds until the first exchange may stall; at most `longest`. */
static double until_stalled(const struct connections *connections, double longest) {
  for (struct list_link *each = connections->running.first; each != NULL; each = each->next)
    if (!exchange_of(each)->paused)
      longest = idle_clock_left(&exchange_of(each)->idle, longest);
  return longest > 0.0 ? longest : 0.0;
}

static void drive(struct connections *connections, const struct exchange *exchange, double seconds,
                  bool (*interrupted)(void *context), void *context) {
  double end = idle_clock_now() + seconds;
  while (poller_do_due(&connections->poller)) {
    bool ended = take_messages(connections);
    ended = end_stalled(connections) || ended;
    if (is_over(connections, exchange, ended) || interrupted(context))
      return;
    double left = end - idle_clock_now();
    double slice = until_stalled(connections, left < SLICE_SECONDS ? left : SLICE_SECONDS);
    if (!poller_wait(&connections->poller, slice))
      break;
    if (left <= 0.0) { /* the sockets were checked once */
      take_messages(connections);
      return;
    }
  }
  fail_all(connections);
}

void connections_drive(struct connections *connections, const struct exchange *exchange,
                       double seconds, bool (*interrupted)(void *context), void *context) {
  leave_parents_handles(connections);
  if (!poller_is_open(&connections->poller) || is_over(connections, exchange, false))
    return;
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  skip_what_was_not_driven(connections);
  drive(connections, exchange, seconds, interrupted, context);
  connections->driven_until = idle_clock_now();
  sigpipe_restore(&guard);
}

/* ---- close ---- */

void connections_close(struct connections *connections) {
  while (connections->running.first != NULL)
    connections_cancel(exchange_of(connections->running.first), FAILURE_CLOSED,
                       "the client was closed");
  leave_parents_handles(connections);
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  drop_idle_handles(connections);
  poller_close(&connections->poller);
  sessions_close(&connections->sessions);
  sigpipe_restore(&guard);
}
