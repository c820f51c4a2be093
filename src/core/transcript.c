#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ascii.h"
#include "text/header.h"
#include "text/json_outline.h"
#include "text/secret.h"
#include "text/secret_names.h"
#include "transcript.h"

/* Bytes kept behind the limit, so that a secret that the cut splits is found: see
   api_client_mask. */
enum { BODY_SLACK = 80, LINE_MAX_SHOWN = 8 * 1024 };

struct transcript *transcript_new(void) {
  struct transcript *transcript = calloc(1, sizeof *transcript);
  for (int i = 0; transcript != NULL && i < TRANSCRIPT_PARTS; i++)
    buffer_init(&transcript->parts[i], 2 * MIC_HEADER_BLOCK_MAX, true);
  return transcript;
}

void transcript_free(struct transcript *transcript) {
  for (int i = 0; transcript != NULL && i < TRANSCRIPT_PARTS; i++)
    buffer_free(&transcript->parts[i]);
  free(transcript);
}

/* Writes one part. A part that is full shows no more; only a lack of memory is a failure. */
struct writer {
  struct buffer *part;
  const struct api_client *client;
  const struct exchange *exchange;
  bool failed;
};

static void add(struct writer *writer, const char *bytes, size_t length) {
  if (buffer_append(writer->part, bytes, length) == BUFFER_NO_MEMORY)
    writer->failed = true;
}

static void add_text(struct writer *writer, const char *text) {
  add(writer, text, strlen(text));
}

/* Adds at most `limit` bytes of a text, whole characters, with the client's secrets masked. */
static void add_masked(struct writer *writer, const char *text, size_t length, size_t limit) {
  bool cut = length > limit;
  size_t shown = cut ? limit : length;
  while (cut && shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80)
    shown--;
  char *masked = malloc(shown + 3);
  ptrdiff_t written = -1;
  if (masked != NULL)
    written =
        api_client_mask(writer->client, &writer->exchange->record, text, length, shown, masked);
  if (written >= 0)
    add(writer, masked, (size_t)written);
  else
    writer->failed = true;
  if (cut)
    add_text(writer, "...");
  secret_wipe(masked, shown + 3);
  free(masked);
}

/* ---- heads ---- */

static bool is_secret(const struct profile *profile, const struct header_field *field) {
  return profile_owns_header(profile, field->name, field->name_length) ||
         secret_names_header(field->name, field->name_length);
}

/* The query of a URL may be a secret by itself, as that of a signed link. */
static size_t length_of_location(const char *value, size_t length) {
  const char *query = memchr(value, '?', length);
  return query == NULL ? length : (size_t)(query - value);
}

static void add_field(struct writer *writer, const struct header_field *field) {
  char hidden[48];
  size_t shown = field->value_length;
  add_masked(writer, field->name, field->name_length, LINE_MAX_SHOWN);
  add_text(writer, ": ");
  if (ascii_is(field->name, field->name_length, "Location") ||
      ascii_is(field->name, field->name_length, "Content-Location"))
    shown = length_of_location(field->value, field->value_length);
  if (is_secret(&writer->client->profile, field)) {
    snprintf(hidden, sizeof hidden, "*** (%zu)", field->value_length);
    add_text(writer, hidden);
  } else {
    add_masked(writer, field->value, shown, LINE_MAX_SHOWN);
    add_text(writer, shown < field->value_length ? "?..." : "");
  }
  add_text(writer, "\n");
}

/* A line for libcurl: "Name: value"; "Name;" for an empty value; "Name:" removes a header. */
static void add_line(struct writer *writer, const char *line) {
  size_t name = strcspn(line, ":;");
  struct header_field field = {line, name, line + name, 0};
  if (line[name] == ':') {
    field.value = line + name + 1;
    field.value_length = strlen(field.value);
    header_trim(&field.value, &field.value_length);
    if (field.value_length == 0)
      return;
  }
  add_field(writer, &field);
}

/* The query is in the events, and that of a login is never shown. */
static void add_sent_head(struct writer *writer) {
  const struct exchange *exchange = writer->exchange;
  const char *url = exchange->url_text.data;
  add_text(writer, exchange->method);
  add_text(writer, " ");
  add_masked(writer, url, length_of_location(url, exchange->shown_url_length), LINE_MAX_SHOWN);
  add_text(writer, "\n");
  for (const struct curl_slist *line = exchange->sent_lines; line != NULL; line = line->next)
    add_line(writer, line->data);
}

static void add_head(struct writer *writer) {
  const struct buffer *head = &writer->exchange->head;
  const char *end = head->data != NULL ? memchr(head->data, '\n', head->length) : NULL;
  if (end == NULL)
    return;
  size_t length = (size_t)(end - head->data), offset = 0;
  while (length > 0 && (head->data[length - 1] == '\r' || head->data[length - 1] == ' '))
    length--;
  struct header_field field;
  add_masked(writer, head->data, length, LINE_MAX_SHOWN);
  add_text(writer, "\n");
  while (header_next(head->data, head->length, &offset, &field))
    add_field(writer, &field);
}

/* ---- bodies ---- */

static void add_size(struct writer *writer, uint64_t size) {
  char text[40];
  snprintf(text, sizeof text, "<%llu bytes>", (unsigned long long)size);
  add_text(writer, text);
}

/* Without credentials a body may bring or carry some itself: that of a login, of any kind. */
static bool shows_names_only(const struct writer *writer) {
  const struct exchange *exchange = writer->exchange;
  return exchange->kind != EXCHANGE_REQUEST || exchange->snapshot == NULL ||
         writer->client->profile.headers.count == 0;
}

static bool is_form(const struct exchange *exchange) {
  static const char name[] = "Content-Type:", form[] = "x-www-form-urlencoded";
  for (const struct curl_slist *line = exchange->sent_lines; line != NULL; line = line->next)
    if (ascii_alike(line->data, name, sizeof name - 1))
      for (const char *at = line->data; *at != '\0'; at++)
        if (ascii_alike(at, form, sizeof form - 1))
          return true;
  return false;
}

/* The names of a form. Nothing of a text without names is shown. */
static enum json_outline outline_form(const char *text, size_t length, struct buffer *out) {
  bool in_name = true;
  if (memchr(text, '=', length) == NULL)
    return JSON_OUTLINE_UNREADABLE;
  for (size_t i = 0; i < length && out->limit - out->length > 2; i++) {
    const char *shown = text + i;
    size_t count = in_name || text[i] == '&' ? 1 : 0;
    if (text[i] == '=' && in_name) {
      shown = "=*";
      count = 2;
    }
    if (buffer_append(out, shown, count) != BUFFER_OK)
      return JSON_OUTLINE_NO_MEMORY;
    in_name = text[i] == '&' || (in_name && text[i] != '=');
  }
  return JSON_OUTLINE_DONE;
}

static void add_body(struct writer *writer, const char *body, size_t length, bool form) {
  struct buffer outline;
  if (length == 0)
    return;
  buffer_init(&outline, TRANSCRIPT_BODY_MAX + BODY_SLACK, true);
  enum json_outline status = form ? outline_form(body, length, &outline)
                                  : json_outline(body, length, shows_names_only(writer), &outline);
  if (status == JSON_OUTLINE_NO_MEMORY)
    writer->failed = true;
  else if (status == JSON_OUTLINE_UNREADABLE)
    add_size(writer, length);
  else
    add_masked(writer, outline.data, outline.length, TRANSCRIPT_BODY_MAX);
  buffer_free(&outline);
}

/* ---- interface ---- */

bool transcript_add_request(struct transcript *transcript, const struct api_client *client,
                            const struct exchange *exchange) {
  struct writer writer = {&transcript->parts[TRANSCRIPT_SENT_HEAD], client, exchange, false};
  if (exchange->sent_lines == NULL || exchange->url_text.data == NULL)
    return true; /* it was not sent */
  add_sent_head(&writer);
  writer.part = &transcript->parts[TRANSCRIPT_SENT_BODY];
  if (client->transcripts < TRANSCRIPTS_WITH_BODIES)
    return !writer.failed;
  if (exchange->upload.descriptor >= 0)
    add_size(&writer, (uint64_t)exchange->upload.size);
  else if (exchange->body != NULL)
    add_body(&writer, exchange->body, exchange->body_length, is_form(exchange));
  return !writer.failed;
}

bool transcript_add_answer(struct transcript *transcript, const struct api_client *client,
                           const struct exchange *exchange) {
  struct writer writer = {&transcript->parts[TRANSCRIPT_HEAD], client, exchange, false};
  if (exchange->failure.kind != FAILURE_NONE)
    return true;
  add_head(&writer);
  writer.part = &transcript->parts[TRANSCRIPT_BODY];
  if (client->transcripts < TRANSCRIPTS_WITH_BODIES || !exchange->show_body)
    return !writer.failed;
  if (!exchange->flows)
    add_body(&writer, exchange->reply_body.data, exchange->reply_body.length, false);
  else if (!exchange->stream)
    add_size(&writer, exchange->written);
  return !writer.failed;
}
