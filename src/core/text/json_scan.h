/* A bounded JSON scanner (RFC 8259): checks a whole text and shows every value with its place
   and its span, without allocating and without recursion. It builds no tree. */
#ifndef MIC_JSON_SCAN_H
#define MIC_JSON_SCAN_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum json_status {
  JSON_OK,
  JSON_BROKEN,   /* not JSON, or something after the value */
  JSON_TOO_DEEP, /* more than MIC_JSON_DEPTH_MAX containers in one another */
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
  size_t start; /* offset of the first byte; of the quote for strings */
  size_t end;   /* offset after the last byte; after the closing quote for strings */
};

struct json_value {
  enum json_kind kind;
  struct json_span span;
  unsigned depth;               /* how many containers are around it */
  const struct json_span *keys; /* depth entries: key string at each level, {0,0} in an array.
                                   Valid only during the visit */
};

/* Called for every value: scalars when read, containers when closed. Return false to stop. */
typedef bool json_visitor(void *context, const char *text, const struct json_value *value);

/* Scans the whole text; whitespace around the value is fine, and a byte order mark before all;
   anything else is JSON_BROKEN. */
enum json_status json_scan(const char *text, size_t length, json_visitor *visit, void *context);
/* True when the value stands at this path of object keys, e.g. {"credentials","token"}, count 2.
   Keys are compared after unescaping. */
bool json_value_is_at(const char *text, const struct json_value *value, const char *const *path,
                      size_t count);
/* Finds the member at `path`; of several the last counts, as decoders have it. The whole text is
   checked. `found->keys` is NULL. Not found: JSON_OK with *present false. */
enum json_status json_find(const char *text, size_t length, const char *const *path, size_t count,
                           struct json_value *found, bool *present);
/* Whether the text is JSON of at most so many values, containers included. Where it is a matter of
   a glance, whether it is JSON is not looked at. */
bool json_has_at_most(const char *text, size_t length, size_t most);
/* The length of the unescaped string at `span` (quotes included in the span). With `out` not NULL
   also writes it there; `out` must have room for span.end - span.start bytes. Escapes become
   UTF-8; a lone surrogate becomes U+FFFD. */
size_t json_unescape(const char *text, struct json_span span, char *out);

MIC_PRIVATE_END
#endif
