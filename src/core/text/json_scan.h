/* JSON scanner (RFC 8259) with bounded depth. Validates a whole text and visits every value with
   its path and span. Allocates nothing, does not recurse, builds no tree. */
#ifndef MIC_JSON_SCAN_H
#define MIC_JSON_SCAN_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum json_status {
  JSON_OK,
  JSON_BROKEN,   /* not JSON, or trailing bytes */
  JSON_TOO_DEEP, /* nesting is deeper than MIC_JSON_DEPTH_MAX */
  JSON_STOPPED   /* the visitor returned false */
};

enum json_kind {
  JSON_NULL,
  JSON_FALSE,
  JSON_TRUE,
  JSON_NUMBER,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
};

struct json_span {
  size_t start; /* offset of the first byte; of a string, the quote */
  size_t end;   /* offset after the last byte; of a string, after the quote */
};

struct json_value {
  enum json_kind kind;
  struct json_span span;
  unsigned depth;               /* number of enclosing containers */
  const struct json_span *keys; /* one per depth: the key string, or {0,0} in an array. Valid only
                                   during the visit */
};

/* Called for every value: for scalars when read, for containers when closed. Return false to
   stop. */
typedef bool json_visitor(void *context, const char *text, const struct json_value *value);

/* Scans the whole text. Whitespace around the value and a leading byte order mark are allowed. */
enum json_status json_scan(const char *text, size_t length, json_visitor *visit, void *context);
/* True if the value is at this path of object keys, e.g. {"credentials","token"}, count 2. Keys are
   compared unescaped. */
bool json_value_is_at(const char *text, const struct json_value *value, const char *const *path,
                      size_t count);
/* Finds the member at `path`; the last one if it is repeated, as decoders do. Validates the whole
   text. Sets `found->keys` to NULL. If it is missing: JSON_OK with *present false. */
enum json_status json_find(const char *text, size_t length, const char *const *path, size_t count,
                           struct json_value *found, bool *present);
/* True if the text has at most `most` values, containers included. Validates the text only if
   counting commas and brackets does not suffice. */
bool json_has_at_most(const char *text, size_t length, size_t most);
/* Reads the escape at the start of a text, "\n" or "\u00e9" or a surrogate pair. Returns its
   length; 0 if there is none. Writes the UTF-8 of its character, a lone surrogate as U+FFFD. */
size_t json_read_escape(const char *text, size_t length, char out[4], size_t *count);
/* Returns the unescaped length of the string at `span`, which includes the quotes.
   Writes the string to `out` unless that is NULL; `out` needs room for span.end - span.start bytes.
   Escapes become UTF-8; a lone surrogate becomes U+FFFD. */
size_t json_unescape(const char *text, struct json_span span, char *out);
/* Reads a number that the scanner has validated. strtod() depends on the locale and needs a NUL.
   Exact for integers up to 2^53, else close. */
double json_read_number(const char *text, struct json_span span);

MIC_PRIVATE_END
#endif
