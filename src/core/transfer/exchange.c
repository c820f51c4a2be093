#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../process/descriptor_shortage.h"
#include "../text/header.h"
#include "exchange.h"
#include "peer_verdict.h"

/* Bytes. A large receive buffer pays off only for files (measured: 1.6 times the throughput). */
static const long FILE_BUFFER = 512 * 1024L;
enum { STREAM_WINDOW = 256 * 1024, KEPT_CAPACITY = 16 * 1024 };

void exchange_init(struct exchange *exchange, enum exchange_kind kind) {
  memset(exchange, 0, sizeof *exchange);
  exchange->kind = kind;
  bool secret = kind != EXCHANGE_REQUEST;
  buffer_init(&exchange->url_text, MIC_HEADER_BLOCK_MAX, true);
  buffer_init(&exchange->secret_body, 2 * MIC_AUTH_REPLY_MAX, true);
  buffer_init(&exchange->head, MIC_HEADER_BLOCK_MAX, secret);
  buffer_init(&exchange->reply_body, 0, secret);
  exchange->upload.descriptor = -1;
  exchange->download.descriptor = -1;
  exchange->show_body = true;
}

void exchange_fail(struct exchange *exchange, enum failure_kind kind, const char *code,
                   const char *message) {
  failure_set(&exchange->failure, kind, code, message);
  exchange->state = EXCHANGE_DONE;
}

void exchange_fail_memory(struct exchange *exchange) {
  failure_set_curl(&exchange->failure, CURLE_OUT_OF_MEMORY);
  exchange->state = EXCHANGE_DONE;
}

bool exchange_fail_stalled(struct exchange *exchange) {
  if (exchange->paused || idle_clock_left(&exchange->idle, 1.0) > 0.0)
    return false;
  exchange_fail(exchange, FAILURE_TIMEOUT, "CURLE_OPERATION_TIMEDOUT",
                "no progress within the time limit");
  return true;
}

bool exchange_link_lines(struct exchange *exchange, const struct header_snapshot *shared) {
  /* A stream delivers the bytes as received, so it requests no compression. Nor does a login: its
     secrets would stay in the decompressor's memory. */
  const bool wanted[SNAPSHOT_CHOICES] = {
      [SNAPSHOT_EXPECT] = exchange_has_body(exchange),
      [SNAPSHOT_AGENT] = !header_list_has(exchange->lines, "User-Agent"),
      [SNAPSHOT_ENCODINGS] = !exchange->stream && exchange->kind == EXCHANGE_REQUEST &&
                             !header_list_has(exchange->lines, "Accept-Encoding")};
  int copied = SNAPSHOT_CHOICES; /* the number of lines to copy: all after them are wanted */
  while (copied > 0 && wanted[copied - 1])
    copied--;
  struct curl_slist *first = shared->lines;
  for (int i = 0; i < copied; i++, first = first->next)
    if (wanted[i] && !header_append_line(&exchange->lines, first->data))
      return false;
  struct curl_slist *last = exchange->lines;
  exchange->sent_lines = last == NULL ? first : last;
  if (last == NULL)
    return true;
  while (last->next != NULL)
    last = last->next;
  last->next = first;
  exchange->last_own_line = last;
  return true;
}

/* ---- set up the handle ---- */

#define SET(option, value)                                                                         \
  do {                                                                                             \
    CURLcode set_code = curl_easy_setopt(easy, option, value);                                     \
    if (set_code != CURLE_OK)                                                                      \
      return set_code;                                                                             \
  } while (0)

static bool wants_a_body(const char *method) {
  return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static CURLcode set_method(struct exchange *exchange, CURL *easy) {
  const char *method = exchange->method;
  /* libcurl's own HEAD carries no body. With a body it is a POST or PUT, and exchange_cb_header
     ends it after the head. */
  bool head = strcmp(method, "HEAD") == 0 && !exchange_has_body(exchange);
  SET(CURLOPT_HTTPGET, 1L);
  SET(CURLOPT_NOBODY, head ? 1L : 0L);
  const char *plain = head ? "HEAD" : "GET";
  SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->upload.size);
  if (exchange->upload.descriptor >= 0) {
    SET(CURLOPT_UPLOAD, 1L);
    plain = "PUT";
  } else if (exchange->has_body || wants_a_body(method)) {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_length);
    SET(CURLOPT_POSTFIELDS, exchange->has_body ? exchange->body : "");
    plain = "POST";
  }
  SET(CURLOPT_CUSTOMREQUEST, strcmp(method, plain) == 0 ? NULL : method);
  return CURLE_OK;
}

static CURLcode set_flow(struct exchange *exchange, CURL *easy) {
  bool flows = exchange->stream || exchange->download.path != NULL;
  bool watched = exchange->progress.wanted || exchange->idle.limit > 0.0;
  SET(CURLOPT_NOPROGRESS, watched ? 0L : 1L);
  if (exchange->download.path != NULL)
    SET(CURLOPT_BUFFERSIZE, FILE_BUFFER); /* needs a new handle: see connections_start */
#if LIBCURL_VERSION_NUM >= 0x075100       /* before, libcurl waits for ever for a dead connection */
  SET(CURLOPT_PIPEWAIT, exchange->share_connection ? 1L : 0L);
#endif
  SET(CURLOPT_NOPROXY, exchange->direct ? "*" : NULL);
  exchange->reply_body.limit = exchange->max_size;
  if (flows && exchange->reply_body.limit < STREAM_WINDOW)
    exchange->reply_body.limit = STREAM_WINDOW;
  return CURLE_OK;
}

CURLcode exchange_configure(CURL *easy) {
  SET(CURLOPT_HEADERFUNCTION, exchange_cb_header);
  SET(CURLOPT_WRITEFUNCTION, exchange_cb_body);
  SET(CURLOPT_READFUNCTION, exchange_cb_upload);
  SET(CURLOPT_SEEKFUNCTION, exchange_cb_seek);
  SET(CURLOPT_XFERINFOFUNCTION, exchange_cb_progress);
  SET(CURLOPT_OPENSOCKETFUNCTION, exchange_cb_open_socket);
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_PREREQFUNCTION, exchange_cb_before_sending);
#endif
  SET(CURLOPT_CLOSESOCKETFUNCTION, kept_sockets_cb_close);
  SET(CURLOPT_DEBUGFUNCTION, exchange_cb_debug);
  return kept_sockets_probe(easy);
}

/* Sets the callback contexts. Usually a handle serves the same exchange again. */
static CURLcode set_context(struct exchange *exchange, CURL *easy) {
  void *context = exchange, *before = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &before) == CURLE_OK && before == context)
    return CURLE_OK;
  SET(CURLOPT_HEADERDATA, context);
  SET(CURLOPT_WRITEDATA, context);
  SET(CURLOPT_READDATA, context);
  SET(CURLOPT_SEEKDATA, context);
  SET(CURLOPT_XFERINFODATA, context);
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_PREREQDATA, context);
#endif
  SET(CURLOPT_OPENSOCKETDATA, context);
  SET(CURLOPT_DEBUGDATA, context);
  SET(CURLOPT_PRIVATE, context); /* last: it proves that the others are set */
  return CURLE_OK;
}

CURLcode exchange_prepare(struct exchange *exchange, CURL *easy) {
  CURLcode code = set_context(exchange, easy);
  if (code == CURLE_OK)
    code = set_method(exchange, easy);
  if (code == CURLE_OK)
    code = set_flow(exchange, easy);
  if (code != CURLE_OK)
    return code;
  SET(CURLOPT_CLOSESOCKETDATA, exchange->sockets);
  SET(CURLOPT_CURLU, exchange->parsed.url);
  SET(CURLOPT_HTTPHEADER, exchange->sent_lines);
  SET(CURLOPT_TIMEOUT_MS, exchange_milliseconds(exchange->timeout));
  SET(CURLOPT_CONNECTTIMEOUT_MS, exchange_milliseconds(exchange->connect_timeout));
#if LIBCURL_VERSION_NUM < 0x075000
  SET(CURLOPT_FRESH_CONNECT, exchange->resend ? 0L : 1L);
  exchange->sent_at = idle_clock_now(); /* no callback reports the connection */
  idle_clock_touch(&exchange->idle);
#endif
  return CURLE_OK;
}

void exchange_leave(const struct exchange *exchange, CURL *easy) {
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(easy, CURLOPT_CURLU, NULL);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
  exchange_leave_connection(exchange, easy);
}

/* ---- read the outcome ---- */

static void read_timings(struct exchange *exchange) {
  const CURLINFO infos[] = {CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T,
                            CURLINFO_APPCONNECT_TIME_T, CURLINFO_STARTTRANSFER_TIME_T,
                            CURLINFO_TOTAL_TIME_T};
  double *targets[] = {&exchange->timings.name_lookup, &exchange->timings.connect,
                       &exchange->timings.tls, &exchange->timings.first_byte,
                       &exchange->timings.total};
  for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(exchange->easy, infos[i], &microseconds);
    *targets[i] = (double)microseconds / 1e6;
  }
}

static void read_answer(struct exchange *exchange) {
  CURL *easy = exchange->easy;
  long connects = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &exchange->status);
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &exchange->http_version);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  exchange->new_connection = connects > 0;
  exchange_read_head(exchange);
  read_timings(exchange);
}

void exchange_settle_download(struct exchange *exchange) {
  bool success =
      exchange->failure.kind == FAILURE_NONE && exchange->status >= 200 && exchange->status < 300;
  if (exchange->download.path != NULL && success && !download_file_commit(&exchange->download))
    failure_set_errno(&exchange->failure, "save_to", exchange->download.error);
  download_file_clear(&exchange->download);
}

/* Usually the local clock is wrong: a machine without a battery starts in 1970. */
static void fail_at_this_time(struct exchange *exchange, const char *what, time_t now) {
  char date[32] = "unknown";
  struct tm parts;
  if (gmtime_r(&now, &parts) != NULL)
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &parts);
  exchange_fail(exchange, FAILURE_TLS, "CURLE_PEER_FAILED_VERIFICATION", "");
  snprintf(exchange->failure.message, sizeof exchange->failure.message,
           "%s; this machine's clock says %s", what, date);
}

static const char *verdict_text(enum peer_verdict verdict) {
  switch (verdict) {
  case PEER_UNTOLD:
    return "a certificate could not be verified; libcurl reports no reason";
  case PEER_PROXY:
    return "the proxy's certificate could not be verified";
  case PEER_ANOTHER_NAME:
    return "the server's certificate is for another host name";
  case PEER_EXPIRED:
    return "the server's certificate has expired";
  case PEER_NOT_YET_VALID:
    return "the server's certificate is not valid yet";
  case PEER_UNKNOWN:
    break;
  }
  return "the server's certificate could not be verified";
}

static void fail_verification(struct exchange *exchange) {
  enum peer_verdict verdict = peer_verdict_of(exchange->easy);
  time_t now = time(NULL);
  bool is_behind = verdict == PEER_UNTOLD && now < MIC_RELEASED;
  if (verdict == PEER_NOT_YET_VALID || is_behind)
    fail_at_this_time(exchange, verdict_text(PEER_NOT_YET_VALID), now);
  else
    exchange_fail(exchange, FAILURE_TLS, "CURLE_PEER_FAILED_VERIFICATION", verdict_text(verdict));
}

/* Names the host and the port: login and calls may have different ones. */
static void fail_connecting(struct exchange *exchange) {
  char *host = NULL, *port = NULL;
  curl_url_get(exchange->parsed.url, CURLUPART_HOST, &host, 0);
  curl_url_get(exchange->parsed.url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
  failure_set_curl(&exchange->failure, CURLE_COULDNT_CONNECT);
  if (host != NULL && port != NULL) /* truncated if too long */
    snprintf(exchange->failure.message, sizeof exchange->failure.message,
             "could not connect to %s:%s", host, port);
  curl_free(port);
  curl_free(host);
}

static void fail_resolving(struct exchange *exchange) {
  char *host = NULL;
  curl_url_get(exchange->parsed.url, CURLUPART_HOST, &host, 0);
  failure_set_curl(&exchange->failure, CURLE_COULDNT_RESOLVE_HOST);
  if (host != NULL) /* truncated if too long */
    snprintf(exchange->failure.message, sizeof exchange->failure.message,
             "the host name could not be resolved: %s", host);
  curl_free(host);
}

/* A proxy that rejects CONNECT has answered, but libcurl reports only a receive error, in newer
   versions one of connecting. */
static bool fail_at_proxy(struct exchange *exchange) {
  long status = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  if (status < 300)
    return false;
  failure_set(&exchange->failure, FAILURE_NETWORK, "CURLE_RECV_ERROR", "");
  snprintf(exchange->failure.message, sizeof exchange->failure.message,
           "the proxy refused: status %ld", status);
  return true;
}

#if LIBCURL_VERSION_NUM < 0x075000
/* Without a callback before sending, the number of bytes sent decides. */
static void note_sending(struct exchange *exchange) {
  long bytes = 0;
  if (exchange->easy != NULL)
    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &bytes);
  if (bytes > 0)
    exchange->sendings = 1;
}
#endif

static void read_outcome(struct exchange *exchange, CURLcode code) {
  if (exchange->failure.kind != FAILURE_NONE)
    return;
  if (exchange->head_only) /* stopped by us, and complete */
    code = CURLE_OK;
  /* Some versions return this for a folded line with no field before it. */
  if (code == CURLE_BAD_FUNCTION_ARGUMENT && exchange->head.length > 0)
    code = CURLE_WEIRD_SERVER_REPLY;
  if (exchange->download.error != 0) {
    failure_set_errno(&exchange->failure, "save_to", exchange->download.error);
  } else if (exchange->upload.error != 0) {
    failure_set_errno(&exchange->failure, "body_file", exchange->upload.error);
  } else if (exchange->no_memory) {
    exchange_fail_memory(exchange);
  } else if (exchange->too_large != NULL) {
    exchange_fail(exchange, FAILURE_TOO_LARGE, NULL, exchange->too_large);
  } else if (code != CURLE_OK && exchange->refusal.said && exchange->head.length == 0) {
    exchange->sendings = 0;
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_HTTP2_STREAM",
                  "the server refused the request");
  } else if (exchange->sendings > 0 &&
             (code == CURLE_ABORTED_BY_CALLBACK ||
              (code == CURLE_COULDNT_CONNECT && exchange->tried && !exchange->resend))) {
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_GOT_NOTHING",
                  "the reused connection was closed before a response");
  } else if (exchange->misled && code != CURLE_OK) {
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_COULDNT_CONNECT",
                  exchange->direct
                      ? "the loopback name resolves to another machine; nothing was sent"
                      : "the redirect leads to this machine; nothing was sent");
  } else if (code == CURLE_UNSUPPORTED_PROTOCOL && exchange->easy == NULL) {
    exchange_fail(exchange, FAILURE_TLS, "CURLE_UNSUPPORTED_PROTOCOL",
                  "this libcurl was built without HTTP/2, which http_version requires");
  } else if (descriptor_shortage_explains(code, exchange->socket_error, &exchange->failure) ||
             (code != CURLE_OK && fail_at_proxy(exchange))) {
    exchange->state = EXCHANGE_DONE;
  } else if (peer_is_unverified(exchange->easy, code)) {
    fail_verification(exchange);
  } else if (code == CURLE_COULDNT_RESOLVE_HOST) {
    fail_resolving(exchange);
  } else if (code == CURLE_COULDNT_CONNECT) {
    fail_connecting(exchange);
  } else if (code != CURLE_OK) {
    failure_set_curl(&exchange->failure, code);
  } else if (!exchange->head_ended) {
    /* libcurl accepts a truncated head as complete. */
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_GOT_NOTHING",
                  "the connection ended before the end of the response headers");
  } else {
    read_answer(exchange);
  }
}

/* Tells of a non-idempotent request whether it may have been processed. A failed connection already
   says so. */
static void say_what_became_of_it(struct exchange *exchange, CURLcode code) {
  struct failure *failure = &exchange->failure;
  bool sent = exchange_was_sent(exchange);
  if (exchange->resend || (failure->kind != FAILURE_NETWORK && failure->kind != FAILURE_TIMEOUT) ||
      (!sent && !exchange->refusal.said && code != CURLE_OPERATION_TIMEDOUT))
    return;
  size_t length = strlen(failure->message);
  snprintf(failure->message + length, sizeof failure->message - length, "%s",
           sent ? "; the request may have been processed" : "; the request was not processed");
}

void exchange_finish(struct exchange *exchange, CURLcode code) {
  exchange->state = EXCHANGE_DONE;
  exchange_stop_listening(exchange);
#if LIBCURL_VERSION_NUM < 0x075000
  note_sending(exchange);
#endif
  exchange_end_body(exchange, code == CURLE_OK);
  read_outcome(exchange, code);
  say_what_became_of_it(exchange, code);
}

bool exchange_has_body(const struct exchange *exchange) {
  return exchange->has_body || exchange->upload.descriptor >= 0;
}

void exchange_clear(struct exchange *exchange) {
  if (exchange->last_own_line != NULL)
    exchange->last_own_line->next = NULL; /* the shared lines, not owned */
  header_list_wipe(exchange->lines);
  header_snapshot_release(exchange->snapshot);
  header_snapshot_release(exchange->open);
  url_parsed_clear(&exchange->parsed);
  download_file_clear(&exchange->download);
  upload_file_clear(&exchange->upload);
  buffer_free(&exchange->url_text);
  buffer_free(&exchange->secret_body);
  buffer_free(&exchange->head);
  buffer_free(&exchange->reply_body);
  content_decoder_free(exchange->decoder);
  secret_clear(&exchange->sent_secret);
  record_clear(&exchange->record);
  free(exchange->content_type);
  free(exchange->location);
  exchange_init(exchange, exchange->kind);
}

void exchange_recycle(struct exchange *exchange) {
  struct buffer *buffers[] = {&exchange->url_text, &exchange->head, &exchange->reply_body};
  enum { COUNT = sizeof buffers / sizeof buffers[0] };
  struct buffer kept[COUNT];
  struct url_parsed parsed = {0};
  if (exchange->parsed.text.length > 0) { /* of our origin */
    parsed = exchange->parsed;
    memset(&exchange->parsed, 0, sizeof exchange->parsed);
  }
  for (size_t i = 0; i < COUNT; i++) {
    buffer_clear(buffers[i], KEPT_CAPACITY);
    kept[i] = *buffers[i];
    buffer_init(buffers[i], 0, false);
  }
  exchange_clear(exchange);
  for (size_t i = 0; i < COUNT; i++) {
    buffers[i]->data = kept[i].data;
    buffers[i]->capacity = kept[i].capacity;
  }
  exchange->parsed = parsed;
}
