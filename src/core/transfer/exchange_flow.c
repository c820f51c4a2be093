/* libcurl's callbacks, except the one for heads. They never call Lua and never raise: bytes go to
   size-limited buffers and files. */
#include "../base.h"

#include <stdio.h>
#include <string.h>

#include "../text/secret.h"
#include "exchange.h"

/* Bytes that a stream buffers ahead of its reader. */
enum { STREAM_WINDOW = 256 * 1024 };

static const char large_body[] = "the response is larger than allowed";
static const char large_file[] = "the response is larger than max_size";

/* ---- the answer's body ---- */

/* Rejects a body whose Content-Length is over the limit before it is read. */
static bool announces_too_much(struct exchange *exchange, size_t limit) {
  curl_off_t announced = -1;
  curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  return announced > 0 && (uintmax_t)announced > limit;
}

static bool has_file_limit(const struct exchange *exchange) {
  return exchange->download.path != NULL && exchange->max_file_size > 0;
}

static bool take_decoded(void *context, const char *bytes, size_t length);

/* A stream delivers the bytes as received, without decoding. */
static void begin_decoding(struct exchange *exchange) {
  if (!exchange->encoded || (exchange->stream && exchange->flows))
    return;
  exchange->decoder = content_decoder_new(exchange->head.data, exchange->head.length, take_decoded,
                                          exchange, &exchange->content);
}

static void begin_body(struct exchange *exchange) {
  long status = 0;
  exchange->body_began = true;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  bool wanted = exchange->stream || exchange->download.path != NULL;
  exchange->flows = wanted && status >= 200 && status < 300;
  if (!exchange->flows)
    exchange->too_large = announces_too_much(exchange, exchange->max_size) ? large_body : NULL;
  else if (exchange->stream)
    exchange->reply_body.limit = STREAM_WINDOW;
  else if (has_file_limit(exchange) && !exchange->encoded &&
           announces_too_much(exchange, exchange->max_file_size))
    exchange->too_large = large_file;
  begin_decoding(exchange);
}

/* Ends the exchange if the bytes do not fit. */
static size_t append(struct exchange *exchange, const char *bytes, size_t length) {
  enum buffer_status status = buffer_append(&exchange->reply_body, bytes, length);
  if (status == BUFFER_NO_MEMORY)
    exchange->no_memory = true;
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

/* Pauses the transfer if the piece does not fit. A piece larger than the whole buffer goes into an
   empty one. */
static size_t hand_over(struct exchange *exchange, const char *bytes, size_t length) {
  struct buffer *piece = &exchange->reply_body;
  if (piece->length > 0 && length > piece->limit - piece->length) {
    exchange->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  return append(exchange, bytes, length);
}

static size_t write_file(struct exchange *exchange, const char *bytes, size_t length) {
  exchange->written += length;
  if (has_file_limit(exchange) && exchange->written > exchange->max_file_size) {
    exchange->too_large = large_file;
    return 0;
  }
  return download_file_write(&exchange->download, bytes, length) ? length : 0;
}

/* Any result other than `length` ends or pauses the transfer. */
static size_t take(struct exchange *exchange, const char *bytes, size_t length) {
  if (!exchange->flows)
    return keep(exchange, bytes, length);
  if (exchange->stream)
    return hand_over(exchange, bytes, length);
  return write_file(exchange, bytes, length);
}

static bool take_decoded(void *context, const char *bytes, size_t length) {
  return take(context, bytes, length) == length;
}

static void fail_decoding(struct exchange *exchange) {
  static const char code[] = "CURLE_BAD_CONTENT_ENCODING";
  switch (exchange->content) {
  case CONTENT_OK:
  case CONTENT_STOPPED:
    break;
  case CONTENT_BROKEN:
    failure_set_curl(&exchange->failure, CURLE_BAD_CONTENT_ENCODING);
    break;
  case CONTENT_CUT:
    exchange_fail(exchange, FAILURE_NETWORK, code, "the compressed response is incomplete");
    break;
  case CONTENT_SWELLS:
    exchange_fail(exchange, FAILURE_TOO_LARGE, code,
                  "the response expands to more than 1100 times its compressed size");
    break;
  case CONTENT_NO_MEMORY:
    exchange_fail_memory(exchange);
  }
}

void exchange_end_body(struct exchange *exchange, bool whole) {
  if (exchange->decoder != NULL && whole && exchange->content == CONTENT_OK)
    exchange->content = content_decoder_end(exchange->decoder);
  content_decoder_free(exchange->decoder);
  exchange->decoder = NULL;
  if (exchange->failure.kind == FAILURE_NONE)
    fail_decoding(exchange);
}

static size_t receive(struct exchange *exchange, const char *bytes, size_t length) {
  exchange_note_heard(exchange);
  if (!exchange->body_began)
    begin_body(exchange);
  /* libcurl goes on after a failure in curl_easy_pause, and what it handed over then is lost. */
  if (exchange->too_large != NULL || exchange->no_memory || exchange->content != CONTENT_OK)
    return 0;
  if (exchange->decoder == NULL)
    return take(exchange, bytes, length);
  exchange->content = content_decoder_feed(exchange->decoder, bytes, length);
  return exchange->content == CONTENT_OK ? length : 0;
}

size_t exchange_cb_body(char *bytes, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t received = receive(exchange, bytes, unit * count);
  /* libcurl may keep this buffer, which holds secrets, until the next answer. */
  if (exchange->kind != EXCHANGE_REQUEST)
    secret_wipe(bytes, unit * count);
  return received;
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
  /* May call exchange_cb_body at once. CURLE_ABORTED_BY_CALLBACK: a socket could not be watched
     again. */
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

/* ---- progress ---- */

static void note_progress(struct exchange *exchange, curl_off_t download_total,
                          curl_off_t download_now, curl_off_t upload_total, curl_off_t upload_now) {
  struct exchange_progress *progress = &exchange->progress;
  /* The answer to an upload would lower the numbers, so it counts only once its body flows. */
  bool uploading = exchange->upload.descriptor >= 0 && !(exchange->flows && download_now > 0);
  double now = (double)(uploading ? upload_now : download_now);
  curl_off_t total = uploading ? upload_total : download_total;
  if (now <= progress->now && now >= progress->now)
    return;
  progress->now = now;
  progress->total = total > 0 ? (double)total : -1.0;
  progress->changed = true;
}

/* libcurl calls this in every round, even without progress. */
int exchange_cb_progress(void *context, curl_off_t download_total, curl_off_t download_now,
                         curl_off_t upload_total, curl_off_t upload_now) {
  struct exchange *exchange = context;
  if (exchange->progress.wanted)
    note_progress(exchange, download_total, download_now, upload_total, upload_now);
  idle_clock_count(&exchange->idle, download_now + upload_now);
  return 0;
}
