/* What flows through libcurl's callbacks. No Lua, no raise: bytes go to capped buffers and files.
 */
#include "base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exchange.h"
#include "loopback.h"

/* Bytes that a stream may run ahead of its listener. */
enum { STREAM_WINDOW = 256 * 1024 };

/* What was sent and has not been acknowledged for so long is lost. */
static const double UNACKNOWLEDGED_SECONDS = 30.0;

static bool starts_answer(const char *line, size_t length) {
  return length >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

static bool is_blank(const char *line, size_t length) {
  return (length == 2 && memcmp(line, "\r\n", 2) == 0) || (length == 1 && line[0] == '\n');
}

/* The answer to a HEAD has no body, whatever its head announces; libcurl would wait for it. */
static bool is_whole_answer(struct exchange *exchange) {
  long status = 0;
  if (strcmp(exchange->method, "HEAD") != 0 || !exchange_has_body(exchange))
    return false;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200;
}

size_t exchange_cb_header(char *line, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t length = unit * count;
  idle_clock_touch(&exchange->idle);
  if (exchange->body_began) /* trailers */
    return length;
  if (starts_answer(line, length)) { /* of several (100, proxies) the last counts */
    buffer_clear(&exchange->head, exchange->head.capacity);
    exchange->head_ended = false;
  }
  if (is_blank(line, length))
    exchange->head_ended = true;
  enum buffer_status status = buffer_append(&exchange->head, line, length);
  exchange->too_large = status == BUFFER_FULL;
  exchange->no_memory = status == BUFFER_NO_MEMORY;
  exchange->head_only = status == BUFFER_OK && exchange->head_ended && is_whole_answer(exchange);
  /* 0 ends the exchange, and its connection or stream */
  return status == BUFFER_OK && !exchange->head_only ? length : 0;
}

/* ---- the answer's body ---- */

/* A body that says beforehand that it is too large is not worth its bytes. */
static bool announces_too_much(struct exchange *exchange) {
  curl_off_t announced = -1;
  curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  return announced > 0 && (uintmax_t)announced > exchange->max_size;
}

static void begin_body(struct exchange *exchange) {
  long status = 0;
  exchange->body_began = true;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  bool wanted = exchange->stream || exchange->download.path != NULL;
  exchange->flows = wanted && status >= 200 && status < 300;
  if (!exchange->flows)
    exchange->too_large = announces_too_much(exchange);
  else if (exchange->stream)
    exchange->reply_body.limit = STREAM_WINDOW;
}

/* Appends what fits; what does not ends the exchange. */
static size_t append(struct exchange *exchange, const char *bytes, size_t length) {
  enum buffer_status status = buffer_append(&exchange->reply_body, bytes, length);
  exchange->no_memory = status == BUFFER_NO_MEMORY;
  return status == BUFFER_OK ? length : 0;
}

static size_t keep(struct exchange *exchange, const char *bytes, size_t length) {
  size_t limit = exchange->max_size;
  if (length > limit - exchange->reply_body.length) {
    exchange->too_large = true;
    return 0;
  }
  return append(exchange, bytes, length);
}

/* A piece that does not fit stays with libcurl until there is room; one that is larger than all the
   room there is goes into an empty buffer whole. */
static size_t hand_over(struct exchange *exchange, const char *bytes, size_t length) {
  struct buffer *piece = &exchange->reply_body;
  if (piece->length > 0 && length > piece->limit - piece->length) {
    exchange->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  return append(exchange, bytes, length);
}

size_t exchange_cb_body(char *bytes, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t length = unit * count;
  idle_clock_touch(&exchange->idle);
  if (!exchange->body_began)
    begin_body(exchange);
  if (exchange->too_large)
    return 0;
  if (!exchange->flows)
    return keep(exchange, bytes, length);
  if (exchange->stream)
    return hand_over(exchange, bytes, length);
  return download_file_write(&exchange->download, bytes, length) ? length : 0;
}

bool exchange_has_piece(const struct exchange *exchange) {
  return exchange->stream && exchange->flows && exchange->reply_body.length > 0;
}

bool exchange_drop_piece(struct exchange *exchange) {
  buffer_clear(&exchange->reply_body, exchange->reply_body.limit);
  if (!exchange->paused || exchange->state != EXCHANGE_RUNNING)
    return true;
  exchange->paused = false;
  idle_clock_touch(&exchange->idle);
  /* May call exchange_cb_body at once. A socket that could not be watched again is told as
     CURLE_ABORTED_BY_CALLBACK. */
  CURLcode code = curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
  return code != CURLE_OUT_OF_MEMORY && code != CURLE_ABORTED_BY_CALLBACK;
}

/* ---- the request's body ---- */

size_t exchange_cb_upload(char *room, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  idle_clock_touch(&exchange->idle);
  ptrdiff_t got = upload_file_read(&exchange->upload, room, unit * count);
  return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

int exchange_cb_seek(void *context, curl_off_t offset, int origin) {
  struct exchange *exchange = context;
  if (origin != SEEK_SET || exchange->upload.descriptor < 0)
    return CURL_SEEKFUNC_CANTSEEK;
  return upload_file_seek(&exchange->upload, offset) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

/* ---- how far it is ---- */

static void note_progress(struct exchange *exchange, curl_off_t download_total,
                          curl_off_t download_now, curl_off_t upload_total, curl_off_t upload_now) {
  struct exchange_progress *progress = &exchange->progress;
  /* The answer to an upload would make the numbers fall; it counts where its body flows. */
  bool uploading = exchange->upload.descriptor >= 0 && !(exchange->flows && download_now > 0);
  double now = (double)(uploading ? upload_now : download_now);
  curl_off_t total = uploading ? upload_total : download_total;
  if (now <= progress->now && now >= progress->now)
    return;
  progress->now = now;
  progress->total = total > 0 ? (double)total : -1.0;
  progress->changed = true;
}

/* libcurl calls this whenever it has looked at the exchange, whether or not something moved. */
int exchange_cb_progress(void *context, curl_off_t download_total, curl_off_t download_now,
                         curl_off_t upload_total, curl_off_t upload_now) {
  struct exchange *exchange = context;
  if (exchange->progress.wanted)
    note_progress(exchange, download_total, download_now, upload_total, upload_now);
  idle_clock_count(&exchange->idle, download_now + upload_now);
  return 0;
}

/* Whether a connection goes where this exchange may: plain http by a loopback name only to this
   machine, a redirect of another one never here. */
static bool may_go(const struct exchange *exchange, bool loopback) {
  return exchange->direct ? loopback : !exchange->guarded || !loopback;
}

/* libcurl sends again by itself when a kept connection turns out dead, a POST too. */
int exchange_cb_before_sending(void *context, char *ip, char *local_ip, int port, int local_port) {
  struct exchange *exchange = context;
  (void)local_ip, (void)port, (void)local_port;
#if LIBCURL_VERSION_NUM >= 0x075000
  if ((exchange->direct || exchange->guarded) && !may_go(exchange, loopback_address(ip))) {
    exchange->misled = true;
    return CURL_PREREQFUNC_ABORT;
  }
#else
  (void)ip;
#endif
  exchange->sendings++;
  exchange->sent_at = idle_clock_now();
  idle_clock_touch(&exchange->idle); /* from here on: connecting has a limit of its own */
#if LIBCURL_VERSION_NUM >= 0x075000
  if (exchange->failure.kind != FAILURE_NONE) /* it is over, but could not be taken away yet */
    return CURL_PREREQFUNC_ABORT;
  return exchange->sendings > 1 && !exchange->resend ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
#else
  return 0;
#endif
}

/* One that is over gets no connection any more, nor one that goes elsewhere: before 7.80 nothing
   else stops it. */
curl_socket_t exchange_cb_open_socket(void *context, curlsocktype purpose,
                                      struct curl_sockaddr *address) {
  struct exchange *exchange = context;
  (void)purpose;
  bool guarded = exchange->direct || exchange->guarded;
  bool misled = guarded && !may_go(exchange, loopback_socket(&address->addr));
  exchange->misled = exchange->misled || misled; /* another address may do */
  if (misled || exchange->failure.kind != FAILURE_NONE)
    return CURL_SOCKET_BAD;
  double unacknowledged = exchange->connect_timeout > UNACKNOWLEDGED_SECONDS
                              ? exchange->connect_timeout /* the kernel counts that time, too */
                              : UNACKNOWLEDGED_SECONDS;
  curl_socket_t opened = kept_sockets_open(exchange->sockets, address, unacknowledged);
  exchange->socket_error = opened == CURL_SOCKET_BAD ? errno : 0;
  return opened;
}
