/* Encodes bytes for URLs, forms and base64. */
#ifndef MIC_ESCAPE_H
#define MIC_ESCAPE_H

#include "../base.h"
#include "buffer.h"

MIC_PRIVATE_BEGIN

/* Percent-encodes all but unreserved characters (RFC 3986, 2.3). */
enum buffer_status escape_append_url(struct buffer *to, const char *bytes, size_t length);
/* application/x-www-form-urlencoded: a space becomes "+". */
enum buffer_status escape_append_form(struct buffer *to, const char *bytes, size_t length);
/* Base64 with padding (RFC 4648, 4). */
enum buffer_status escape_append_base64(struct buffer *to, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
