/* Head of an answer: collects its lines, and reads the values that libcurl does not report. */
#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "../text/loopback.h"
#include "exchange.h"
#include "redirect_target.h"

static const char large_head[] =
    "the response has too many or too large headers (at most 1000, 256 KiB in total)";

static bool starts_answer(const char *line, size_t length) {
  return length >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

static bool is_end(const char *line, size_t length) {
  return (length == 2 && memcmp(line, "\r\n", 2) == 0) || (length == 1 && line[0] == '\n');
}

static bool is_encoding(const char *line, size_t length) {
  static const char name[] = "content-encoding:";
  return length >= sizeof name - 1 && ascii_alike(line, name, sizeof name - 1);
}

static bool has_length(const char *line, size_t length) {
  static const char name[] = "content-length:";
  size_t at = sizeof name - 1;
  if (length <= at || !ascii_alike(line, name, at))
    return false;
  while (at < length && (line[at] == ' ' || line[at] == '\t' || line[at] == '0'))
    at++;
  return at < length && line[at] >= '1' && line[at] <= '9';
}

/* Runs for every field, so it checks only two bytes of most. */
static void note_field(struct exchange *exchange, const char *line, size_t length) {
  enum { DASH = sizeof "content" - 1 };
  exchange->fields++;
  if (length <= DASH + 1 || line[DASH] != '-')
    return;
  if (ascii_lower(line[DASH + 1]) == 'e' && is_encoding(line, length))
    exchange->encoded = true;
  if (ascii_lower(line[DASH + 1]) == 'l' && has_length(line, length))
    exchange->has_length = true;
}

/* The answer to a HEAD has no body, whatever its head announces. libcurl would wait for one. */
static bool is_whole_answer(struct exchange *exchange) {
  long status = 0;
  if (strcmp(exchange->method, "HEAD") != 0 || !exchange_has_body(exchange))
    return false;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200;
}

/* A line that starts with a blank continues the field before it (obsolete line folding). One space
   replaces the line end and the blanks around it. Newer versions of libcurl do this themselves. */
static bool is_folded(const struct exchange *exchange, const char *line) {
  return (line[0] == ' ' || line[0] == '\t') && exchange->head.length > 0;
}

static bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static enum buffer_status unfold(struct exchange *exchange, const char *line, size_t length) {
  struct buffer *head = &exchange->head;
  exchange->folded = true;
  while (head->length > 0 && is_space(head->data[head->length - 1]))
    head->length--;
  while (length > 0 && is_space(line[0])) {
    line++;
    length--;
  }
  enum buffer_status status = buffer_append(head, " ", 1);
  if (status == BUFFER_OK)
    status = length > 0 ? buffer_append(head, line, length) : buffer_append(head, "\r\n", 2);
  return status;
}

size_t exchange_cb_header(char *line, size_t unit, size_t count, void *context) {
  struct exchange *exchange = context;
  size_t length = unit * count;
  exchange_note_heard(exchange);
  if (exchange->body_began || length == 0) /* trailers */
    return length;
  if (starts_answer(line, length)) { /* the last of several heads (100, proxies) counts */
    buffer_clear(&exchange->head, exchange->head.capacity);
    exchange->head_ended = false;
    exchange->has_length = false;
    exchange->fields = 0;
    exchange->encoded = false;
    exchange->folded = false;
  } else if (is_end(line, length)) {
    exchange->head_ended = true;
    exchange_note_head(exchange);
  } else {
    note_field(exchange, line, length);
  }
  enum buffer_status status = exchange->fields > MIC_HEADER_FIELDS_MAX ? BUFFER_FULL
                              : is_folded(exchange, line)
                                  ? unfold(exchange, line, length)
                                  : buffer_append(&exchange->head, line, length);
  exchange->too_large = status == BUFFER_FULL ? large_head : NULL;
  if (status == BUFFER_NO_MEMORY)
    exchange->no_memory = true;
  exchange->head_only = status == BUFFER_OK && exchange->head_ended && is_whole_answer(exchange);
  /* 0 ends the transfer, and closes its connection or stream */
  return status == BUFFER_OK && !exchange->head_only ? length : 0;
}

/* ---- complete heads ---- */

/* libcurl reads only the first line of a folded field. */
static bool find_content_type(struct exchange *exchange) {
  struct header_field field;
  size_t offset = 0;
  if (!header_next_named(exchange->head.data, exchange->head.length, "Content-Type", &offset,
                         &field))
    return true;
  exchange->content_type = strndup(field.value, field.value_length);
  return exchange->content_type != NULL;
}

static void read_content_type(struct exchange *exchange) {
  char *text = NULL; /* owned by libcurl */
  bool ok = true;
  if (exchange->folded) {
    ok = find_content_type(exchange);
  } else if (curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK &&
             text != NULL) {
    exchange->content_type = strdup(text);
    ok = exchange->content_type != NULL;
  }
  if (!ok)
    exchange_fail_memory(exchange);
}

static void read_location(struct exchange *exchange) {
  char *address = NULL;
  enum url_status status = redirect_read(exchange->parsed.url, exchange->head.data,
                                         exchange->head.length, &exchange->location);
  if (status == URL_NO_MEMORY)
    exchange_fail_memory(exchange);
  exchange->is_foreign = status == URL_UNREADABLE;
  curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_IP, &address);
  exchange->on_loopback = address != NULL && loopback_address(address);
}

void exchange_read_head(struct exchange *exchange) {
  read_content_type(exchange);
  if (exchange->status >= 300 && exchange->status < 400)
    read_location(exchange);
}
