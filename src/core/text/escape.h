/* Encodes bytes for URLs, forms and base64. */
#ifndef MIC_ESCAPE_H
#define MIC_ESCAPE_H

#include "../base.h"
#include "buffer.h"

MIC_PRIVATE_BEGIN

/* Percent-encodes all but unreserved characters (RFC 3986, 2.3). `form`: as
   application/x-www-form-urlencoded, where a space becomes "+". A failure shows in `to->failed`. */
void escape_append(struct buffer *to, const char *bytes, size_t length, bool form);
/* Base64 with padding (RFC 4648, 4). The same. */
void escape_append_base64(struct buffer *to, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
