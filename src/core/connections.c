#include "base.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "connections.h"
#include "process_id.h"
#include "trust.h"

/* How long one poll may keep a Ctrl-C waiting. */
static const double SLICE_SECONDS = 0.5;

/* ---- SIGPIPE: until 7.88 the TLS libraries wrote to libcurl's sockets by themselves (wolfSSL may
   still) and raised it, and the host program may not expect it; now each write has MSG_NOSIGNAL ----
 */

struct sigpipe_guard {
  sigset_t old_mask;
  bool blocks;
};

static pthread_once_t libcurl_once = PTHREAD_ONCE_INIT;
static bool libcurl_raises;

static void look_at_libcurl(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  libcurl_raises = info->version_num < 0x075800 || info->ssl_version == NULL ||
                   strncmp(info->ssl_version, "wolf", 4) == 0;
}

static void make_sigpipe_set(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGPIPE);
}

static void sigpipe_block(struct sigpipe_guard *guard) {
  sigset_t pipe_only;
  pthread_once(&libcurl_once, look_at_libcurl);
  guard->blocks = libcurl_raises;
  if (!guard->blocks)
    return;
  make_sigpipe_set(&pipe_only);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &guard->old_mask);
  /* One that is blocked already stays pending when it comes, as the host program wants it. */
  guard->blocks = sigismember(&guard->old_mask, SIGPIPE) != 1;
}

static void sigpipe_restore(const struct sigpipe_guard *guard) {
  if (!guard->blocks)
    return;
  sigset_t pipe_only;
  const struct timespec now = {0, 0};
  make_sigpipe_set(&pipe_only);
  sigtimedwait(&pipe_only, NULL, &now); /* takes back one that came meanwhile */
  pthread_sigmask(SIG_SETMASK, &guard->old_mask, NULL);
}

/* ---- handles ---- */

static curl_socket_t connections_cb_open_socket(void *context, curlsocktype purpose,
                                                struct curl_sockaddr *address) {
  (void)context, (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

#define SET(option, value)                                                                         \
  do {                                                                                             \
    CURLcode set_code = curl_easy_setopt(easy, option, value);                                     \
    if (set_code != CURLE_OK)                                                                      \
      return set_code;                                                                             \
  } while (0)

static CURLcode set_trust(const struct connection_options *options, CURL *easy) {
  /* The two belong together: a file of one's own shall not be mixed with the system's folder. */
  if (options->ca_file != NULL || options->ca_path != NULL) {
    SET(CURLOPT_CAINFO, options->ca_file);
    SET(CURLOPT_CAPATH, options->ca_path);
  } else {
    CURLcode code = trust_set_system(easy);
    if (code != CURLE_OK)
      return code;
  }
  if (options->client_cert != NULL)
    SET(CURLOPT_SSLCERT, options->client_cert);
  if (options->client_key != NULL)
    SET(CURLOPT_SSLKEY, options->client_key);
  if (options->pinned_public_key != NULL)
    SET(CURLOPT_PINNEDPUBLICKEY, options->pinned_public_key);
  SET(CURLOPT_SSLVERSION, options->min_tls_version);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  return CURLE_OK;
}

static CURLcode set_protocols(CURL *easy) {
  /* Which http is allowed is decided where the URL is read. */
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

/* Everything that stays the same from exchange to exchange. */
static CURLcode configure(const struct connection_options *options, CURL *easy) {
  CURLcode code = exchange_configure(easy);
  if (code == CURLE_OK)
    code = set_protocols(easy);
  if (code == CURLE_OK)
    code = set_trust(options, easy);
  if (code != CURLE_OK)
    return code;
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_HTTP_VERSION, options->http_version);
  SET(CURLOPT_USERAGENT, options->user_agent);
  SET(CURLOPT_OPENSOCKETFUNCTION, connections_cb_open_socket);
  if (options->proxy != NULL)
    SET(CURLOPT_PROXY, options->proxy);
  return CURLE_OK;
}

/* A handle with a large buffer is for one exchange: libcurl resizes none that was used. */
static bool is_for_one(const struct exchange *exchange) {
  return exchange->download.path != NULL;
}

/* A configured handle of the caller's, or NULL with the reason in `code`. */
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
    *code = curl_easy_setopt(easy, CURLOPT_SHARE, connections->sessions);
  if (*code == CURLE_OK)
    return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

static void give_handle_back(struct connections *connections, const struct exchange *exchange,
                             CURL *easy) {
  exchange_leave(exchange, easy);
  if (connections->idle_count < IDLE_HANDLES_MAX && !is_for_one(exchange))
    connections->idle[connections->idle_count++] = easy;
  else
    curl_easy_cleanup(easy);
}

/* ---- running exchanges ---- */

static void link_running(struct connections *connections, struct exchange *exchange) {
  exchange->connections = connections;
  exchange->previous = NULL;
  exchange->next = connections->running;
  if (exchange->next != NULL)
    exchange->next->previous = exchange;
  connections->running = exchange;
}

static void unlink_running(struct connections *connections, struct exchange *exchange) {
  if (exchange->previous != NULL)
    exchange->previous->next = exchange->next;
  else
    connections->running = exchange->next;
  if (exchange->next != NULL)
    exchange->next->previous = exchange->previous;
  exchange->next = NULL;
  exchange->previous = NULL;
  exchange->connections = NULL;
}

static void end_exchange(struct connections *connections, struct exchange *exchange,
                         CURLcode code) {
  CURL *easy = exchange->easy;
  exchange_finish(exchange, code);
  if (connections->process == process_id()) {
    curl_multi_remove_handle(connections->multi, easy);
    give_handle_back(connections, exchange, easy);
  }
  exchange->easy = NULL;
  unlink_running(connections, exchange);
}

/* After a fork the handles share their sockets with the parent: even closing politely would speak
   on its connections. They are left alone, and the child builds its own. */
static void leave_parents_handles(struct connections *connections) {
  if (connections->process == 0 || connections->process == process_id())
    return;
  while (connections->running != NULL)
    connections_cancel(connections->running, FAILURE_CLOSED,
                       "the exchange belongs to the parent process");
  connections->multi = NULL;
  connections->sessions = NULL;
  connections->idle_count = 0;
  connections->process = 0;
}

void connections_start(struct connections *connections, struct exchange *exchange) {
  leave_parents_handles(connections);
  if (connections->multi == NULL) {
    connections->multi = curl_multi_init();
    if (connections->sessions == NULL)
      connections->sessions = curl_share_init();
    connections->process = process_id();
    /* One thread: no lock functions. Without the share each handle resumes only its own sessions.
     */
    if (connections->sessions != NULL)
      curl_share_setopt(connections->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  CURLcode code = CURLE_OUT_OF_MEMORY;
  CURL *easy = connections->multi == NULL ? NULL : take_handle(connections, exchange, &code);
  if (easy == NULL) {
    exchange_finish(exchange, code);
    return;
  }
  code = exchange_prepare(exchange, easy);
  if (code == CURLE_OK && curl_multi_add_handle(connections->multi, easy) != CURLM_OK)
    code = CURLE_OUT_OF_MEMORY;
  if (code != CURLE_OK) {
    exchange_finish(exchange, code);
    give_handle_back(connections, exchange, easy);
    return;
  }
  exchange->easy = easy;
  exchange->state = EXCHANGE_RUNNING;
  link_running(connections, exchange);
}

/* ---- handles for an engine ---- */

CURLcode connections_lend(struct connections *connections, struct exchange *exchange,
                          CURLSH *sessions) {
  CURLcode code = CURLE_OUT_OF_MEMORY;
  leave_parents_handles(connections);
  connections->process = process_id();
  exchange->easy = take_handle(connections, exchange, &code);
  if (exchange->easy == NULL)
    return code;
  code = curl_easy_setopt(exchange->easy, CURLOPT_SHARE, sessions);
  if (code == CURLE_OK)
    code = exchange_prepare(exchange, exchange->easy);
  exchange->state = EXCHANGE_RUNNING;
  if (code != CURLE_OK)
    connections_give_back(connections, exchange);
  return code;
}

void connections_give_back(struct connections *connections, struct exchange *exchange) {
  CURL *easy = exchange->easy;
  exchange->easy = NULL;
  if (easy == NULL)
    return;
  curl_easy_setopt(easy, CURLOPT_SHARE, NULL); /* a handle that waits may outlive the engine */
  if (connections != NULL)
    give_handle_back(connections, exchange, easy);
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

/* ---- driving ---- */

static bool take_messages(struct connections *connections) {
  bool ended = false;
  int left = 0;
  for (;;) {
    CURLMsg *message = curl_multi_info_read(connections->multi, &left);
    if (message == NULL)
      return ended;
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode code = message->data.result;
    void *context = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
    end_exchange(connections, context, code);
    ended = true;
  }
}

static void end_all(struct connections *connections, CURLcode code) {
  while (connections->running != NULL)
    end_exchange(connections, connections->running, code);
}

static bool has_news(const struct exchange *exchange) {
  return exchange->progress.changed || exchange_has_piece(exchange);
}

static bool is_over(const struct connections *connections, const struct exchange *exchange,
                    bool ended) {
  if (exchange != NULL)
    return exchange->state != EXCHANGE_RUNNING || has_news(exchange);
  return ended || connections->running == NULL;
}

/* Between two drives the program was busy with other things, not the network. */
static void skip_what_was_not_driven(struct connections *connections) {
  double seconds = idle_clock_now() - connections->driven_until;
  for (struct exchange *each = connections->running; each != NULL; each = each->next)
    idle_clock_skip(&each->idle, seconds);
}

/* Seconds until the first exchange may have to be given up, `longest` at the most. */
static double until_idle(const struct connections *connections, double longest) {
  for (const struct exchange *each = connections->running; each != NULL; each = each->next)
    if (!each->paused)
      longest = idle_clock_left(&each->idle, longest);
  return longest > 0.0 ? longest : 0.0;
}

static void drive(struct connections *connections, const struct exchange *exchange, double seconds,
                  bool (*interrupted)(void *context), void *context) {
  double end = idle_clock_now() + seconds;
  for (;;) {
    int running = 0;
    if (curl_multi_perform(connections->multi, &running) != CURLM_OK) {
      end_all(connections, CURLE_OUT_OF_MEMORY);
      return;
    }
    if (is_over(connections, exchange, take_messages(connections)) || interrupted(context))
      return;
    double left = end - idle_clock_now();
    if (left <= 0.0)
      return;
    double slice = until_idle(connections, left < SLICE_SECONDS ? left : SLICE_SECONDS);
    curl_multi_poll(connections->multi, NULL, 0, (int)(slice * 1000.0) + 1, NULL);
  }
}

void connections_drive(struct connections *connections, const struct exchange *exchange,
                       double seconds, bool (*interrupted)(void *context), void *context) {
  leave_parents_handles(connections);
  if (connections->multi == NULL || is_over(connections, exchange, false))
    return;
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  skip_what_was_not_driven(connections);
  drive(connections, exchange, seconds, interrupted, context);
  connections->driven_until = idle_clock_now();
  sigpipe_restore(&guard);
}

/* ---- the end ---- */

void connections_close(struct connections *connections) {
  while (connections->running != NULL)
    connections_cancel(connections->running, FAILURE_CLOSED, "the client was closed");
  leave_parents_handles(connections);
  struct sigpipe_guard guard;
  sigpipe_block(&guard);
  while (connections->idle_count > 0)
    curl_easy_cleanup(connections->idle[--connections->idle_count]);
  if (connections->multi != NULL)
    curl_multi_cleanup(connections->multi);
  if (connections->sessions != NULL)
    curl_share_cleanup(connections->sessions);
  connections->multi = NULL;
  connections->sessions = NULL;
  sigpipe_restore(&guard);
}

void connection_options_clear(struct connection_options *options) {
  free(options->ca_file);
  free(options->ca_path);
  free(options->client_cert);
  free(options->client_key);
  free(options->pinned_public_key);
  free(options->proxy);
  free(options->user_agent);
  memset(options, 0, sizeof *options);
}
