#include "../base.h"

#include <string.h>

#include "json_outline.h"
#include "json_scan.h"
#include "secret_names.h"

enum { NAME_MAX_SHOWN = 256 };

struct walk {
  const char *text; /* valid JSON */
  size_t length, at;
  bool names_only;
  struct buffer *out;
  enum buffer_status status; /* BUFFER_FULL ends the walk: the rest is not shown */
};

/* `span` includes the quotes. A name of unusual length is taken for a secret. */
static bool names_a_secret(const char *text, struct json_span span) {
  char name[NAME_MAX_SHOWN];
  size_t length = span.end - span.start;
  if (length > sizeof name)
    return true;
  length = json_unescape(text, span, name);
  return secret_names_member(name, length);
}

/* ---- walk ---- */

static void show(struct walk *walk, const char *bytes, size_t length) {
  size_t room = walk->out->limit - walk->out->length;
  bool fits = length <= room;
  walk->status = buffer_append(walk->out, bytes, fits ? length : room);
  if (walk->status == BUFFER_OK && !fits)
    walk->status = BUFFER_FULL;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void skip_blanks(struct walk *walk) {
  while (walk->at < walk->length && is_blank(walk->text[walk->at]))
    walk->at++;
}

/* Goes to the end of a string, number or word. */
static struct json_span skip_scalar(struct walk *walk) {
  struct json_span span = {walk->at, walk->at};
  if (walk->text[walk->at] == '"') {
    for (walk->at++; walk->text[walk->at] != '"'; walk->at++)
      walk->at += walk->text[walk->at] == '\\';
    walk->at++;
  } else {
    while (walk->at < walk->length && !is_blank(walk->text[walk->at]) &&
           strchr(",:]}", walk->text[walk->at]) == NULL)
      walk->at++;
  }
  span.end = walk->at;
  return span;
}

static void skip_value(struct walk *walk) {
  size_t depth = 0;
  do {
    skip_blanks(walk);
    char byte = walk->text[walk->at];
    if (byte == '{' || byte == '[' || byte == '}' || byte == ']') {
      depth += byte == '{' || byte == '[' ? (size_t)1 : (size_t)-1;
      walk->at++;
    } else if (byte == ',' || byte == ':') {
      walk->at++;
    } else {
      skip_scalar(walk);
    }
  } while (depth > 0);
}

static void show_scalar(struct walk *walk) {
  struct json_span span = skip_scalar(walk);
  skip_blanks(walk);
  bool is_name = walk->at < walk->length && walk->text[walk->at] == ':';
  if (!is_name && walk->names_only) {
    show(walk, "*", 1);
    return;
  }
  show(walk, walk->text + span.start, span.end - span.start);
  if (!is_name || walk->names_only || walk->status != BUFFER_OK ||
      !names_a_secret(walk->text, span))
    return;
  walk->at++;
  skip_value(walk);
  show(walk, ":\"***\"", 6);
}

enum json_outline json_outline(const char *text, size_t length, bool names_only,
                               struct buffer *out) {
  struct walk walk = {text, length, 0, names_only, out, BUFFER_OK};
  if (json_scan(text, length, NULL, NULL) != JSON_OK)
    return JSON_OUTLINE_UNREADABLE;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* byte order mark */
    walk.at = 3;
  for (skip_blanks(&walk); walk.at < length && walk.status == BUFFER_OK; skip_blanks(&walk)) {
    if (strchr("{}[],:", text[walk.at]) != NULL)
      show(&walk, text + walk.at++, 1);
    else
      show_scalar(&walk);
  }
  return walk.status == BUFFER_NO_MEMORY ? JSON_OUTLINE_NO_MEMORY : JSON_OUTLINE_DONE;
}
