/* A JSON text for display: on one line, without the values of members that usually hold secrets, or
   without any values. */
#ifndef MIC_JSON_OUTLINE_H
#define MIC_JSON_OUTLINE_H

#include "../base.h"
#include "buffer.h"

MIC_PRIVATE_BEGIN

enum json_outline {
  JSON_OUTLINE_DONE,
  JSON_OUTLINE_UNREADABLE, /* not JSON, or nested too deeply; `out` is empty */
  JSON_OUTLINE_NO_MEMORY
};

/* Appends the outline of a whole text, as much as fits below the limit of `out`. `names_only`:
   values become `*`. Otherwise the value of a secret member, whatever it is, becomes "***". */
enum json_outline json_outline(const char *text, size_t length, bool names_only,
                               struct buffer *out);

MIC_PRIVATE_END
#endif
