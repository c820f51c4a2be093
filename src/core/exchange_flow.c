/* What flows through libcurl's callbacks. No Lua, no raise: bytes go to capped buffers and files.
 */
#include "base.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "exchange.h"

/* Bytes that a stream may run ahead of its listener. */
enum { STREAM_WINDOW = 256 * 1024 };

static const char large_head[] =
    "the answer has too many header fields, or too long ones (at most 1000, 256 KiB in all)";
static const char large_body[] = "the answer is larger than allowed";

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

static bool has_length(const char *line, size_t length) {
  static const char name[] = "content-length:";
  size_t at = sizeof name - 1;
  if (length <= at || strncasecmp(line, name, at) != 0)
    return false;
  while (at < length && (line[at] == ' ' || line[at] == '\t' || line[at] == '0'))
    at++;
  return at < length && line[at] >= '1' && line[at] <= '9';
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
    exchange->has_length = false;
    exchange->fields = 0;
  } else if (is_blank(line, length)) {
    exchange->head_ended = true;
    exchange_note_head(exchange);
  } else {
    exchange->fields++;
  }
  if (has_length(line, length))
    exchange->has_length = true;
  enum buffer_status status = exchange->fields > MIC_HEADER_FIELDS_MAX
                                  ? BUFFER_FULL
                                  : buffer_append(&exchange->head, line, length);
  exchange->too_large = status == BUFFER_FULL ? large_head : NULL;
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
  if (!exchange->flows && announces_too_much(exchange))
    exchange->too_large = large_body;
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
    exchange->too_large = large_body;
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
  if (exchange->too_large != NULL)
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
