/* The connection of an exchange: whether it is fit to send on, and when the exchange starts again
   on another one because it was not sent or not processed. */
#include "../base.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "../text/loopback.h"
#include "exchange.h"
#include "tls_pending.h"

/* How often one request may start again. libcurl has the same limit for its own resends. */
enum { SENT_AGAIN_MAX = 5 };

/* How often a refused request is sent again at once. After that it fails. */
enum { REFUSED_MAX = 1 };

/* Seconds. Data that is not acknowledged for so long is lost. */
static const double UNACKNOWLEDGED_SECONDS = 30.0;

long exchange_milliseconds(double seconds) {
  if (!(seconds > 0.0))
    return 0L; /* no limit */
  double value = seconds * 1000.0;
  return value < 1.0 ? 1L : value < INT_MAX ? (long)value : INT_MAX;
}

static struct kept_socket *its_socket(const struct exchange *exchange) {
  return exchange->socket == 0 ? NULL : kept_sockets_find(exchange->sockets, exchange->socket);
}

static bool may_be_http2(const struct exchange *exchange) {
  return !exchange->kept_http1 && exchange->url_text.length > 5 &&
         memcmp(exchange->url_text.data, "https", 5) == 0;
}

/* libcurl resends by itself if a kept connection turns out dead (a POST too) or if the server
   refused the stream. */
static bool may_be_sent_again(const struct exchange *exchange) {
  const struct refusal *refusal = &exchange->refusal;
  return refusal->said ? refusal->count < REFUSED_MAX : exchange->resend;
}

/* True if libcurl's own resend may lose the body: 7.88 does over HTTP/2. */
static bool is_better_begun_anew(const struct exchange *exchange) {
  return exchange->tried && may_be_sent_again(exchange) && exchange_has_body(exchange) &&
         may_be_http2(exchange) && !exchange->refusal.http1;
}

/* True if the exchange may use such a connection. Plain HTTP to a loopback name goes only to this
   machine; a redirect from another machine never goes here. */
static bool may_go(const struct exchange *exchange, bool loopback) {
  return exchange->direct ? loopback : !exchange->guarded || !loopback;
}

uint64_t exchange_origin(const struct exchange *exchange) {
  uint64_t digest = UINT64_C(0xcbf29ce484222325);
  const char *url = exchange->url_text.data;
  for (int slashes = 0; *url != '\0' && slashes < 3; url++) {
    slashes += *url == '/';
    digest = (digest ^ (unsigned char)*url) * UINT64_C(0x100000001b3);
  }
  return digest;
}

void exchange_leave_socket(const struct exchange *exchange) {
  struct kept_socket *socket = its_socket(exchange);
  if (socket == NULL)
    return;
  socket->users--;
  socket->logins -= exchange->kind != EXCHANGE_REQUEST;
}

/* Opens no socket for an exchange that has ended or whose address is not allowed. Before 7.80 no
   other callback can stop it. */
curl_socket_t exchange_cb_open_socket(void *context, curlsocktype purpose,
                                      struct curl_sockaddr *address) {
  struct exchange *exchange = context;
  (void)purpose;
  bool guarded = exchange->direct || exchange->guarded;
  bool misled = guarded && !may_go(exchange, loopback_socket(&address->addr));
  exchange->misled = exchange->misled || misled; /* another address may be allowed */
  exchange->anew = is_better_begun_anew(exchange);
  bool barred = exchange->tried && (exchange->anew || !may_be_sent_again(exchange));
  if (misled || barred || exchange->failure.kind != FAILURE_NONE)
    return CURL_SOCKET_BAD;
  double unacknowledged = exchange->connect_timeout > UNACKNOWLEDGED_SECONDS
                              ? exchange->connect_timeout /* connecting counts, too */
                              : UNACKNOWLEDGED_SECONDS;
  curl_socket_t opened =
      kept_sockets_open(exchange->sockets, address, unacknowledged, exchange_origin(exchange));
  exchange->socket_error = opened == CURL_SOCKET_BAD ? errno : 0;
  exchange->no_memory = exchange->socket_error == ENOMEM;
  return opened;
}

/* ---- debug output of libcurl ---- */

/* Turned on only where nothing else tells, because it costs a little per call. */
static void start_listening(struct exchange *exchange) {
  if (exchange->listening)
    return;
  exchange->listening = true;
  curl_easy_setopt(exchange->easy, CURLOPT_VERBOSE, 1L);
}

/* Turned off while a request is sent: libcurl would report its headers, too. */
static void pause_listening(struct exchange *exchange) {
  if (!exchange->listening)
    return;
  exchange->listening = false;
  curl_easy_setopt(exchange->easy, CURLOPT_VERBOSE, 0L);
}

void exchange_listen(struct kept_sockets *sockets) {
  while (sockets->sent.first != NULL) {
    struct exchange *each = LIST_ITEM(sockets->sent.first, struct exchange, sent);
    list_remove(&each->sent);
    refusal_begin(&each->refusal, its_socket(each), each->resend);
    start_listening(each);
  }
}

void exchange_stop_listening(struct exchange *exchange) {
  list_remove(&exchange->sent);
}

/* `text` need not end with a NUL. */
static bool begins(const char *text, size_t length, const char *with) {
  size_t size = strlen(with);
  return length >= size && memcmp(text, with, size) == 0;
}

static bool tells_of_excess(const char *text, size_t length) {
  return begins(text, length, "Excess found") || begins(text, length, "Leftovers after chunking");
}

int exchange_cb_debug(CURL *easy, curl_infotype type, char *text, size_t length, void *context) {
  struct exchange *exchange = context;
  (void)easy;
  if (!exchange->listening)
    return 0;
  struct kept_socket *socket = its_socket(exchange);
  if (exchange->head.length == 0)
    refusal_note(&exchange->refusal, type, text, length, socket);
  else if (type == CURLINFO_TEXT && socket != NULL && tells_of_excess(text, length))
    socket->spoiled = true;
  return 0;
}

/* libcurl closes the connection if bytes follow a body with Content-Length, but silently drops
   bytes that follow a chunked body or none: only its debug output tells. Over HTTP/2 debug output
   is no longer needed. */
void exchange_note_head(struct exchange *exchange) {
  static const char http1[] = "HTTP/1.";
  if (exchange->head.length < sizeof http1 - 1 ||
      memcmp(exchange->head.data, http1, sizeof http1 - 1) != 0) {
    pause_listening(exchange);
    return;
  }
  if (!exchange->kept_http1) {
    struct kept_socket *socket = its_socket(exchange);
    if (socket != NULL)
      socket->is_http1 = true;
  }
  if (!exchange->has_length || strcmp(exchange->method, "HEAD") == 0)
    start_listening(exchange);
}

void exchange_note_heard(struct exchange *exchange) {
#if !KEPT_SOCKET_TELLS
  struct kept_socket *socket = its_socket(exchange);
  if (socket != NULL)
    socket->heard = idle_clock_now();
#endif
  idle_clock_touch(&exchange->idle);
}

/* ---- before sending ---- */

/* True if an idle HTTP/1 connection has unread bytes or its end: a stray answer, a farewell, a
   close. Over HTTP/2 unread bytes are frames and harm no new stream. */
static bool is_unfit(const struct exchange *exchange, const struct kept_socket *socket) {
  return socket->is_http1 && (socket->spoiled || kept_socket_has_input(socket->descriptor) ||
                              tls_has_pending(exchange->easy));
}

static bool may_be_sent(struct exchange *exchange) {
  bool allowed = exchange->sendings == 0 || may_be_sent_again(exchange);
  if (exchange->refusal.said)
    exchange->sendings = 0;
  if (exchange->refusal.said && allowed) {
    exchange->refusal.count++;
    exchange->refusal.said = false;
  }
  return allowed;
}

/* Replies of logins have secrets. To wipe the answers of calls, too, costs 3 % of a call. */
static void wipe_answers_of_logins(const struct exchange *exchange, struct kept_socket *socket) {
  bool wipes = socket != NULL ? socket->logins > 0 : exchange->kind != EXCHANGE_REQUEST;
  if (socket != NULL ? wipes == socket->wipes : !wipes)
    return;
  if (socket != NULL)
    socket->wipes = wipes;
  tls_wipe_what_is_read(exchange->easy, wipes);
}

enum { SEND = 0, DO_NOT_SEND = 1 }; /* libcurl has no names for these before 7.79 */

int exchange_cb_before_sending(void *context, char *ip, char *local_ip, int port, int local_port) {
  struct exchange *exchange = context;
  (void)local_ip;
  idle_clock_touch(&exchange->idle);          /* connecting has a limit of its own */
  if (exchange->failure.kind != FAILURE_NONE) /* ended, but not yet removed */
    return DO_NOT_SEND;
  struct kept_socket *socket = kept_sockets_between(exchange->sockets, local_port, ip, port);
  if ((exchange->direct || exchange->guarded) &&
      !may_go(exchange, socket != NULL ? socket->on_loopback : loopback_address(ip))) {
    exchange->misled = true;
    return DO_NOT_SEND;
  }
  exchange_leave_socket(exchange);
  exchange->socket = socket == NULL ? 0 : socket->number;
  if (socket != NULL) {
    socket->users++;
    socket->logins += exchange->kind != EXCHANGE_REQUEST;
  }
  exchange->kept_http1 = socket != NULL && socket->is_http1;
  exchange->early = socket != NULL && is_unfit(exchange, socket);
  exchange->worn = exchange->worn || exchange->tried;
  exchange->anew = is_better_begun_anew(exchange);
  if (exchange->early || exchange->anew || !may_be_sent(exchange))
    return DO_NOT_SEND;
  pause_listening(exchange);
  if (may_be_http2(exchange))
    list_append(&exchange->sockets->sent, &exchange->sent);
  wipe_answers_of_logins(exchange, socket);
  exchange->tried = true;
  exchange->sendings++;
  exchange->sent_at = idle_clock_now();
  return SEND;
}

/* ---- start again ---- */

static bool says_close(const struct exchange *exchange) {
  struct header_field field;
  size_t offset = 0;
  while (
      header_next_named(exchange->head.data, exchange->head.length, "Connection", &offset, &field))
    if (field.value_length == 5 && ascii_alike(field.value, "close", 5))
      return true;
  return false;
}

/* True for a 408 that a server sends when it closes an idle connection. It is not an answer to the
   request, which was already on its way. */
static bool is_farewell(const struct exchange *exchange, CURLcode code) {
  long status = 0, connects = 0, version = 0;
  CURL *easy = exchange->easy;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 408 || !exchange->head_ended)
    return false;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  if (connects > 0 || version == CURL_HTTP_VERSION_2_0)
    return false;
  if (says_close(exchange))
    return true;
  const struct kept_socket *socket = its_socket(exchange);
  return exchange->socket > 0 && (socket == NULL || kept_socket_has_ended(socket->descriptor));
}

/* libcurl resends on a closed connection itself, except when it notices while sending a body. */
static bool found_it_closed(const struct exchange *exchange, CURLcode code) {
  long connects = 0;
  if (code != CURLE_SEND_ERROR || !exchange->resend || exchange->head.length > 0)
    return false;
  curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0;
}

static bool was_refused(struct exchange *exchange, CURLcode code) {
  refusal_end(&exchange->refusal, code);
  return code != CURLE_OK && exchange->refusal.said && exchange->refusal.count < REFUSED_MAX &&
         exchange->head.length == 0;
}

static void forget_answer(struct exchange *exchange) {
  content_decoder_free(exchange->decoder);
  exchange->decoder = NULL;
  exchange->content = CONTENT_OK;
  exchange->encoded = exchange->folded = false;
  buffer_clear(&exchange->head, exchange->head.capacity);
  buffer_clear(&exchange->reply_body, exchange->reply_body.capacity);
  exchange->head_ended = exchange->has_length = exchange->body_began = false;
  exchange->flows = exchange->no_memory = exchange->head_only = false;
  exchange->too_large = NULL;
  exchange->written = 0;
}

/* True if the exchange was stopped by us or failed because of its connection. */
static bool shall_begin_anew(struct exchange *exchange, CURLcode code) {
  if (code != CURLE_OK && (exchange->early || exchange->anew))
    return true;
  return was_refused(exchange, code) || is_farewell(exchange, code) ||
         found_it_closed(exchange, code);
}

/* Duplicates the handle, to forget the refused streams that libcurl remembers in it. The copy has
   no shared TLS sessions; sessions of its own would have no age limit, so they are off. */
static bool renew_handle(struct exchange *exchange) {
  CURL *renewed = curl_easy_duphandle(exchange->easy);
  if (renewed == NULL)
    return false;
  curl_easy_setopt(renewed, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  exchange->easy = renewed;
  return true;
}

bool exchange_rewind(struct exchange *exchange, CURLcode code) {
  if (exchange->failure.kind != FAILURE_NONE || exchange->sent_again == SENT_AGAIN_MAX ||
      !shall_begin_anew(exchange, code))
    return false;
  CURL *easy = exchange->easy;
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &microseconds);
  double left = exchange->timeout - (double)microseconds / 1e6;
  if ((exchange->timeout > 0.0 && left <= 0.0) ||
      (exchange->upload.descriptor >= 0 && !upload_file_seek(&exchange->upload, 0)) ||
      ((exchange->worn || exchange->anew) && !renew_handle(exchange)))
    return false;
  easy = exchange->easy;
  pause_listening(exchange);
  exchange->timeout = exchange->timeout > 0.0 ? left : 0.0;
  exchange->sent_again++;
  idle_clock_touch(&exchange->idle);
  if (exchange->refusal.said || code == CURLE_OK)
    exchange->sendings = 0; /* not processed */
  if (exchange->refusal.said)
    exchange->refusal.count++;
  exchange->worn = exchange->worn || exchange->anew;
  exchange->fresh = exchange->fresh || !exchange->anew;
  exchange->refusal.said = exchange->early = exchange->anew = exchange->tried = false;
  forget_answer(exchange);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, exchange->fresh ? 1L : 0L);
  return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, exchange_milliseconds(exchange->timeout)) ==
         CURLE_OK;
}

void exchange_leave_connection(const struct exchange *exchange, CURL *easy) {
  if (exchange->listening)
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 0L);
  if (exchange->fresh)
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
}
