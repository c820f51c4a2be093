/* HTTP header fields: what may be sent, how it is handed to libcurl, how a received block is
   read. libcurl does not filter CR, LF and NUL: this file is the one place that does. */
#ifndef MIC_HEADER_H
#define MIC_HEADER_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct header_field {
  const char *name;
  size_t name_length;
  const char *value; /* without the blanks around it */
  size_t value_length;
};

/* NULL when it may be sent, else what is wrong, as a static phrase that fits after
   `header "x" ` ("has a line break in its value", "is an empty name" ...). */
const char *header_name_problem(const char *name, size_t length);
const char *header_value_problem(const char *value, size_t length);
/* ASCII case-insensitive; `other` is NUL-terminated. */
/* Whether a credential may look like this: what header_value_problem allows, and no space. */
bool header_can_carry(const char *value, size_t length);
bool header_name_is(const char *name, size_t length, const char *other);
/* Appends "name: value" ("name;" when the value is empty: libcurl's way to send an empty one).
   False when there is no memory; the list is as it was. The bytes must have passed the checks. */
bool header_append(struct curl_slist **list, const char *name, size_t name_length,
                   const char *value, size_t value_length);
/* Appends a whole line; false when there is no memory. */
bool header_append_line(struct curl_slist **list, const char *line);
/* Appends Accept-Encoding with all that can be decompressed here. */
bool header_append_encodings(struct curl_slist **list);
bool header_list_has(const struct curl_slist *list, const char *name);
/* Takes blanks off both ends. */
void header_trim(const char **text, size_t *length);
/* Wipes every line, then frees the list. */
void header_list_wipe(struct curl_slist *list);
/* Walks the received header block (status line and fields as they came, CRLF or LF). `offset`
   starts at 0 and is moved; false at the end. Lines without a colon are passed over. */
bool header_next(const char *block, size_t length, size_t *offset, struct header_field *field);

MIC_PRIVATE_END
#endif
