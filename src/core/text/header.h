/* HTTP header fields: validates what is sent, builds libcurl's list, parses a received block.
   libcurl does not reject CR, LF and NUL; only this file does. */
#ifndef MIC_HEADER_H
#define MIC_HEADER_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct header_field {
  const char *name;
  size_t name_length;
  const char *value; /* trimmed */
  size_t value_length;
};

/* NULL if it may be sent, else what is wrong: a static phrase for after `header "x" ` ("has a line
   break in its value", "is an empty name"). */
const char *header_name_problem(const char *name, size_t length);
const char *header_value_problem(const char *value, size_t length);
/* The same of both, and of headers that belong to the connection. */
const char *header_problem(const char *name, size_t name_length, const char *value,
                           size_t value_length);
/* True if a credential may have this value: valid as a header value, and without spaces. */
bool header_can_carry(const char *value, size_t length);
/* Appends "name: value", or "name;" for an empty value, as libcurl wants it. False if out of
   memory; the list is unchanged then. Name and value must be valid. */
bool header_append(struct curl_slist **list, const char *name, size_t name_length,
                   const char *value, size_t value_length);
/* Appends a whole line. False if out of memory. */
bool header_append_line(struct curl_slist **list, const char *line);
/* Appends Accept-Encoding with all supported formats. */
bool header_append_encodings(struct curl_slist **list);
bool header_list_has(const struct curl_slist *list, const char *name);
/* Removes spaces and tabs from both ends. */
void header_trim(const char **text, size_t *length);
/* Wipes every line, then frees the list. */
void header_list_wipe(struct curl_slist *list);
/* Iterates over the fields of a received header block (CRLF or LF). `offset` starts at 0. False at
   the end. Skips lines that are not fields. */
bool header_next(const char *block, size_t length, size_t *offset, struct header_field *field);
/* The same for the fields of one name. */
bool header_next_named(const char *block, size_t length, const char *name, size_t *offset,
                       struct header_field *field);

MIC_PRIVATE_END
#endif
