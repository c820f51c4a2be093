#include "../base.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "decompress.h"
#include "header.h"
#include "secret.h"

/* RFC 9110: letters, digits and these. isalnum() depends on the locale. */
static bool is_token_character(char byte) {
  if (ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z')
    return true;
  if (byte >= '0' && byte <= '9')
    return true;
  return byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

const char *header_name_problem(const char *name, size_t length) {
  if (length == 0)
    return "is an empty name";
  for (size_t i = 0; i < length; i++)
    if (!is_token_character(name[i]))
      return "has a character in its name other than letters, digits and !#$%&'*+-.^_`|~";
  return NULL;
}

const char *header_value_problem(const char *value, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)value[i];
    if (byte == '\r' || byte == '\n')
      return "has a line break in its value";
    if (byte == '\0')
      return "has a NUL byte in its value";
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
      return "has a control character in its value";
  }
  return NULL;
}

/* Headers that frame a message, that are hop-by-hop (RFC 9110, 7.6.1), or that make libcurl or the
   server wait or switch protocols. Some servers treat "_" as "-". */
static bool is_framing(const char *name, size_t length) {
  static const char names[] =
      "Host Content-Length Transfer-Encoding Connection Keep-Alive Upgrade HTTP2-Settings "
      "Proxy-Connection Proxy-Authorization TE Trailer Expect ";
  char spelt[24];
  if (length >= sizeof spelt)
    return false;
  for (size_t i = 0; i < length; i++)
    spelt[i] = name[i] == '_' ? '-' : name[i];
  for (const char *other = names; *other != '\0'; other += strcspn(other, " ") + 1)
    if (ascii_alike(spelt, other, length) && other[length] == ' ')
      return true;
  return false;
}

const char *header_problem(const char *name, size_t name_length, const char *value,
                           size_t value_length) {
  const char *problem = header_name_problem(name, name_length);
  if (problem == NULL)
    problem = header_value_problem(value, value_length);
  if (problem == NULL && is_framing(name, name_length))
    problem = "is a connection header and cannot be set";
  return problem;
}

bool header_can_carry(const char *value, size_t length) {
  return header_value_problem(value, length) == NULL && memchr(value, ' ', length) == NULL;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

void header_trim(const char **text, size_t *length) {
  while (*length > 0 && is_blank((*text)[0])) {
    (*text)++;
    (*length)--;
  }
  while (*length > 0 && is_blank((*text)[*length - 1]))
    (*length)--;
}

bool header_append(struct curl_slist **list, const char *name, size_t name_length,
                   const char *value, size_t value_length) {
  /* libcurl drops a header whose value is blank. Blanks at the ends mean nothing. */
  header_trim(&value, &value_length);
  size_t size = name_length + value_length + 3;
  char *line = malloc(size);
  if (!line)
    return false;
  snprintf(line, size, "%.*s%s%.*s", (int)name_length, name, value_length > 0 ? ": " : ";",
           (int)value_length, value_length > 0 ? value : "");
  bool ok = header_append_line(list, line);
  secret_wipe(line, size);
  free(line);
  return ok;
}

bool header_append_line(struct curl_slist **list, const char *line) {
  struct curl_slist *longer = curl_slist_append(*list, line); /* copies */
  if (!longer)
    return false;
  *list = longer;
  return true;
}

bool header_append_encodings(struct curl_slist **list) {
  char names[40], line[64];
  compression_list(names, sizeof names);
  snprintf(line, sizeof line, "Accept-Encoding: %s", names[0] == '\0' ? "identity" : names);
  return header_append_line(list, line);
}

bool header_list_has(const struct curl_slist *list, const char *name) {
  size_t length = strlen(name);
  for (; list != NULL; list = list->next)
    if (ascii_alike(list->data, name, length) &&
        (list->data[length] == ':' || list->data[length] == ';'))
      return true;
  return false;
}

void header_list_wipe(struct curl_slist *list) {
  for (struct curl_slist *line = list; line; line = line->next)
    secret_wipe(line->data, strlen(line->data));
  curl_slist_free_all(list);
}

/* Expects a line without its end. The names of status lines and folded lines are not valid. */
static bool read_field(const char *line, size_t length, struct header_field *field) {
  const char *colon = memchr(line, ':', length);
  if (!colon)
    return false;
  field->name = line;
  field->name_length = (size_t)(colon - line);
  if (header_name_problem(field->name, field->name_length))
    return false;
  field->value = colon + 1;
  field->value_length = length - field->name_length - 1;
  header_trim(&field->value, &field->value_length);
  return true;
}

bool header_next(const char *block, size_t length, size_t *offset, struct header_field *field) {
  while (*offset < length) {
    const char *line = block + *offset;
    size_t left = length - *offset;
    const char *feed = memchr(line, '\n', left);
    size_t line_length = feed ? (size_t)(feed - line) : left;
    *offset += feed ? line_length + 1 : left;
    if (line_length > 0 && line[line_length - 1] == '\r')
      line_length--;
    if (read_field(line, line_length, field))
      return true;
  }
  return false;
}

bool header_next_named(const char *block, size_t length, const char *name, size_t *offset,
                       struct header_field *field) {
  while (header_next(block, length, offset, field))
    if (ascii_is(field->name, field->name_length, name))
      return true;
  return false;
}
