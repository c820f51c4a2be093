#include "base.h"

#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "header.h"

void exchange_init(struct exchange *exchange, enum exchange_kind kind) {
  memset(exchange, 0, sizeof *exchange);
  exchange->kind = kind;
  bool secret = kind != EXCHANGE_REQUEST;
  buffer_init(&exchange->url_text, MIC_HEADER_BLOCK_MAX, true);
  buffer_init(&exchange->secret_body, 2 * MIC_AUTH_REPLY_MAX, true);
  buffer_init(&exchange->head, MIC_HEADER_BLOCK_MAX, secret);
  buffer_init(&exchange->reply_body, 0, secret);
  exchange->show_body = true;
}

void exchange_fail(struct exchange *exchange, enum failure_kind kind, const char *code,
                   const char *message) {
  failure_set(&exchange->failure, kind, code, message);
  exchange->state = EXCHANGE_DONE;
}

void exchange_link_lines(struct exchange *exchange, struct curl_slist *shared) {
  struct curl_slist *last = exchange->lines;
  while (last->next != NULL)
    last = last->next;
  last->next = shared;
  exchange->last_own_line = last;
}

/* ---- libcurl's callbacks: no Lua, no raise, only our own buffers ---- */

static bool starts_answer(const char *line, size_t length) {
  return length >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

static bool is_blank(const char *line, size_t length) {
  return (length == 2 && memcmp(line, "\r\n", 2) == 0) || (length == 1 && line[0] == '\n');
}

static size_t exchange_cb_header(char *line, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t length = unit * count;
  if (exchange->body_began) /* trailers */
    return length;
  if (starts_answer(line, length)) { /* of several (100, proxies) the last counts */
    buffer_clear(&exchange->head, exchange->head.capacity);
    exchange->head_ended = false;
  }
  if (is_blank(line, length))
    exchange->head_ended = true;
  if (buffer_append(&exchange->head, line, length) == BUFFER_OK)
    return length;
  exchange->too_large = true;
  return 0;
}

/* A body that says beforehand that it is too large is not worth its bytes. */
static bool announces_too_much(struct exchange *exchange) {
  curl_off_t announced = -1;
  curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  return announced > 0 && (uintmax_t)announced > exchange->max_size;
}

static size_t exchange_cb_body(char *bytes, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t length = unit * count;
  enum buffer_status status = BUFFER_FULL;
  if (exchange->body_began || !announces_too_much(exchange))
    status = buffer_append(&exchange->reply_body, bytes, length);
  exchange->body_began = true;
  if (status == BUFFER_OK)
    return length;
  exchange->too_large = status == BUFFER_FULL;
  return 0;
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* libcurl sends again by itself when a kept connection turns out dead, a POST too. */
static int exchange_cb_before_sending(void *context, char *ip, char *local_ip, int port,
                                      int local_port) {
  struct exchange *exchange = context;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  exchange->sendings++;
  return exchange->sendings > 1 && !exchange->resend ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}
#endif

/* ---- the request onto the handle ---- */

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
  bool head = strcmp(method, "HEAD") == 0;
  SET(CURLOPT_HTTPGET, 1L);
  SET(CURLOPT_NOBODY, head ? 1L : 0L);
  const char *plain = head ? "HEAD" : "GET";
  if (exchange->has_body || wants_a_body(method)) {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_length);
    SET(CURLOPT_POSTFIELDS, exchange->has_body ? exchange->body : "");
    plain = head ? "HEAD" : "POST";
  }
  SET(CURLOPT_CUSTOMREQUEST, strcmp(method, plain) == 0 ? NULL : method);
  return CURLE_OK;
}

static long milliseconds(double seconds) {
  double value = seconds * 1000.0;
  return value < 1.0 ? 1L : (long)value;
}

CURLcode exchange_prepare(struct exchange *exchange, CURL *easy) {
  exchange->reply_body.limit = exchange->max_size;
  CURLcode code = set_method(exchange, easy);
  if (code != CURLE_OK)
    return code;
  SET(CURLOPT_CURLU, exchange->url);
  SET(CURLOPT_HTTPHEADER, exchange->lines);
  SET(CURLOPT_TIMEOUT_MS, milliseconds(exchange->timeout));
  SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(exchange->connect_timeout));
  SET(CURLOPT_PRIVATE, (void *)exchange);
  SET(CURLOPT_HEADERFUNCTION, exchange_cb_header);
  SET(CURLOPT_HEADERDATA, (void *)exchange);
  SET(CURLOPT_WRITEFUNCTION, exchange_cb_body);
  SET(CURLOPT_WRITEDATA, (void *)exchange);
#if LIBCURL_VERSION_NUM >= 0x075000
  SET(CURLOPT_PREREQFUNCTION, exchange_cb_before_sending);
  SET(CURLOPT_PREREQDATA, (void *)exchange);
#else
  SET(CURLOPT_FRESH_CONNECT, exchange->resend ? 0L : 1L);
#endif
  return CURLE_OK;
}

/* ---- the outcome off the handle ---- */

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

static char *copy_text(const char *text) {
  return text == NULL ? NULL : strdup(text);
}

static void read_answer(struct exchange *exchange) {
  CURL *easy = exchange->easy;
  long connects = 0;
  char *text = NULL;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &exchange->status);
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &exchange->http_version);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  exchange->new_connection = connects > 0;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text);
  exchange->content_type = copy_text(text);
  text = NULL;
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &text);
  exchange->location = copy_text(text);
  read_timings(exchange);
}

void exchange_finish(struct exchange *exchange, CURLcode code) {
  exchange->state = EXCHANGE_DONE;
  if (exchange->failure.kind != FAILURE_NONE)
    return;
  if (exchange->too_large) {
    exchange_fail(exchange, FAILURE_TOO_LARGE, NULL, "the answer is larger than allowed");
  } else if (code == CURLE_ABORTED_BY_CALLBACK && exchange->sendings > 1) {
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_GOT_NOTHING",
                  "the kept connection was closed before an answer came; not sent again");
  } else if (code != CURLE_OK) {
    failure_set_curl(&exchange->failure, code);
  } else if (!exchange->head_ended) {
    /* libcurl takes a head that breaks off for a whole one. */
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_GOT_NOTHING",
                  "the connection ended before the answer's headers did");
  } else {
    read_answer(exchange);
  }
}

void exchange_clear(struct exchange *exchange) {
  if (exchange->last_own_line != NULL)
    exchange->last_own_line->next = NULL; /* what follows is not ours */
  header_list_wipe(exchange->lines);
  header_snapshot_release(exchange->snapshot);
  curl_url_cleanup(exchange->url);
  buffer_free(&exchange->url_text);
  buffer_free(&exchange->secret_body);
  buffer_free(&exchange->head);
  buffer_free(&exchange->reply_body);
  secret_clear(&exchange->sent_secret);
  record_clear(&exchange->record);
  free(exchange->content_type);
  free(exchange->location);
  exchange_init(exchange, exchange->kind);
}
