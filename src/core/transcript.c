#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ascii.h"
#include "text/header.h"
#include "text/json_outline.h"
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

/* A part that is full shows no more; only a lack of memory is a failure. */
static bool add(struct buffer *part, const char *bytes, size_t length) {
  return buffer_append(part, bytes, length) != BUFFER_NO_MEMORY;
}

static bool add_text(struct buffer *part, const char *text) {
  return add(part, text, strlen(text));
}

/* Adds at most `limit` bytes of a text, whole characters, with the client's secrets masked. */
static bool add_masked(struct buffer *part, const struct api_client *client,
                       const struct exchange *exchange, const char *text, size_t length,
                       size_t limit) {
  bool cut = length > limit;
  size_t shown = cut ? limit : length;
  while (cut && shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80)
    shown--;
  char *masked = malloc(shown + 3);
  if (masked == NULL)
    return false;
  ptrdiff_t written = api_client_mask(client, &exchange->record, text, length, shown, masked);
  bool ok = written >= 0 && add(part, masked, (size_t)written) && (!cut || add(part, "...", 3));
  secret_wipe(masked, shown + 3);
  free(masked);
  return ok;
}

/* ---- heads ---- */

/* Parts of the names of headers whose values are never shown. */
static const char *const secret_parts[] = {
    "auth", "token",      "secret",   "passw",     "cookie",    "session", "key",
    "jwt",  "credential", "identity", "signature", "assertion", "xsrf",    "csrf"};

static bool is_secret_header(const struct profile *profile, const char *name, size_t length) {
  char lower[128];
  if (header_name_is(name, length, "WWW-Authenticate") ||
      header_name_is(name, length, "Proxy-Authenticate"))
    return false;
  if (length >= sizeof lower || profile_owns_header(profile, name, length))
    return true;
  for (size_t i = 0; i < length; i++)
    lower[i] = ascii_lower(name[i]);
  lower[length] = '\0';
  for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++)
    if (strstr(lower, secret_parts[i]) != NULL)
      return true;
  return false;
}

/* The query of a URL may be a secret by itself, as that of a signed link. */
static size_t length_of_location(const char *value, size_t length) {
  const char *query = memchr(value, '?', length);
  return query == NULL ? length : (size_t)(query - value);
}

static bool add_field(struct buffer *part, const struct api_client *client,
                      const struct exchange *exchange, const struct header_field *field) {
  char length[48];
  size_t shown = field->value_length;
  snprintf(length, sizeof length, "*** (%zu)", field->value_length);
  if (!add_masked(part, client, exchange, field->name, field->name_length, LINE_MAX_SHOWN) ||
      !add(part, ": ", 2))
    return false;
  if (is_secret_header(&client->profile, field->name, field->name_length))
    return add_text(part, length) && add(part, "\n", 1);
  if (header_name_is(field->name, field->name_length, "Location") ||
      header_name_is(field->name, field->name_length, "Content-Location"))
    shown = length_of_location(field->value, field->value_length);
  return add_masked(part, client, exchange, field->value, shown, LINE_MAX_SHOWN) &&
         (shown == field->value_length || add_text(part, "?...")) && add(part, "\n", 1);
}

/* A line for libcurl: "Name: value"; "Name;" for an empty value; "Name:" removes a header. */
static bool add_line(struct buffer *part, const struct api_client *client,
                     const struct exchange *exchange, const char *line) {
  size_t name = strcspn(line, ":;");
  struct header_field field = {line, name, line + name, 0};
  if (line[name] == ':') {
    field.value = line + name + 1;
    field.value_length = strlen(field.value);
    header_trim(&field.value, &field.value_length);
    if (field.value_length == 0)
      return true;
  }
  return add_field(part, client, exchange, &field);
}

/* The query is in the events, and that of a login is never shown. */
static bool add_target(struct buffer *part, const struct api_client *client,
                       const struct exchange *exchange) {
  const char *url = exchange->url_text.data;
  return add_text(part, exchange->method) && add(part, " ", 1) &&
         add_masked(part, client, exchange, url,
                    length_of_location(url, exchange->shown_url_length), LINE_MAX_SHOWN) &&
         add(part, "\n", 1);
}

static bool add_sent_head(struct buffer *part, const struct api_client *client,
                          const struct exchange *exchange) {
  bool ok = add_target(part, client, exchange);
  for (const struct curl_slist *line = exchange->sent_lines; line != NULL && ok; line = line->next)
    ok = add_line(part, client, exchange, line->data);
  return ok;
}

static bool add_head(struct buffer *part, const struct api_client *client,
                     const struct exchange *exchange) {
  const struct buffer *head = &exchange->head;
  const char *end = head->data != NULL ? memchr(head->data, '\n', head->length) : NULL;
  if (end == NULL)
    return true;
  size_t length = (size_t)(end - head->data);
  while (length > 0 && (head->data[length - 1] == '\r' || head->data[length - 1] == ' '))
    length--;
  struct header_field field;
  size_t offset = 0;
  bool ok =
      add_masked(part, client, exchange, head->data, length, LINE_MAX_SHOWN) && add(part, "\n", 1);
  while (ok && header_next(head->data, head->length, &offset, &field))
    ok = add_field(part, client, exchange, &field);
  return ok;
}

/* ---- bodies ---- */

static bool add_size(struct buffer *part, uint64_t size) {
  char text[40];
  snprintf(text, sizeof text, "<%llu bytes>", (unsigned long long)size);
  return add_text(part, text);
}

/* Without credentials a body may bring or carry some itself: that of a login, of any kind. */
static bool shows_names_only(const struct api_client *client, const struct exchange *exchange) {
  return exchange->kind != EXCHANGE_REQUEST || exchange->snapshot == NULL ||
         client->profile.headers.count == 0;
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
    if (!add(out, shown, count))
      return JSON_OUTLINE_NO_MEMORY;
    in_name = text[i] == '&' || (in_name && text[i] != '=');
  }
  return JSON_OUTLINE_DONE;
}

static bool add_body(struct buffer *part, const struct api_client *client,
                     const struct exchange *exchange, const char *body, size_t length, bool form) {
  struct buffer outline;
  if (length == 0)
    return true;
  buffer_init(&outline, TRANSCRIPT_BODY_MAX + BODY_SLACK, true);
  enum json_outline status =
      form ? outline_form(body, length, &outline)
           : json_outline(body, length, shows_names_only(client, exchange), &outline);
  bool ok = status != JSON_OUTLINE_NO_MEMORY;
  if (status == JSON_OUTLINE_UNREADABLE)
    ok = add_size(part, length);
  else if (ok)
    ok = add_masked(part, client, exchange, outline.data, outline.length, TRANSCRIPT_BODY_MAX);
  buffer_free(&outline);
  return ok;
}

/* ---- interface ---- */

bool transcript_add_request(struct transcript *transcript, const struct api_client *client,
                            const struct exchange *exchange) {
  struct buffer *body = &transcript->parts[TRANSCRIPT_SENT_BODY];
  if (exchange->sent_lines == NULL || exchange->url_text.data == NULL)
    return true; /* it was not sent */
  if (!add_sent_head(&transcript->parts[TRANSCRIPT_SENT_HEAD], client, exchange))
    return false;
  if (client->transcripts < TRANSCRIPTS_WITH_BODIES)
    return true;
  if (exchange->upload.descriptor >= 0)
    return add_size(body, (uint64_t)exchange->upload.size);
  return exchange->body == NULL ||
         add_body(body, client, exchange, exchange->body, exchange->body_length, is_form(exchange));
}

bool transcript_add_answer(struct transcript *transcript, const struct api_client *client,
                           const struct exchange *exchange) {
  struct buffer *body = &transcript->parts[TRANSCRIPT_BODY];
  if (exchange->failure.kind != FAILURE_NONE)
    return true;
  if (!add_head(&transcript->parts[TRANSCRIPT_HEAD], client, exchange))
    return false;
  if (client->transcripts < TRANSCRIPTS_WITH_BODIES || !exchange->show_body)
    return true;
  if (exchange->flows)
    return exchange->stream || add_size(body, exchange->written);
  return add_body(body, client, exchange, exchange->reply_body.data, exchange->reply_body.length,
                  false);
}
