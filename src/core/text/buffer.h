/* Growable byte buffer with a size limit. A secret buffer is wiped whenever memory is released: on
   growth, clear and free. Never calls Lua. */
#ifndef MIC_BUFFER_H
#define MIC_BUFFER_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum buffer_status { BUFFER_OK, BUFFER_FULL, BUFFER_NO_MEMORY };

struct buffer {
  char *data;      /* owned; NULL if nothing was appended; not NUL-terminated */
  size_t length;   /* bytes in use */
  size_t capacity; /* bytes allocated */
  size_t limit;    /* the most that length may become */
  bool secret;     /* wipe before freeing */
  bool failed;     /* an append was not OK since the buffer was empty */
};

void buffer_init(struct buffer *buffer, size_t limit, bool secret);
/* Appends all or nothing: on BUFFER_FULL and BUFFER_NO_MEMORY the content is unchanged. */
enum buffer_status buffer_append(struct buffer *buffer, const void *bytes, size_t length);
enum buffer_status buffer_append_text(struct buffer *buffer, const char *text);
/* Appends `bytes` escaped for the inside of a JSON string, without the quotes. */
enum buffer_status buffer_append_json(struct buffer *buffer, const char *bytes, size_t length);
/* Empties the buffer, and keeps at most `keep` bytes of capacity. */
void buffer_clear(struct buffer *buffer, size_t keep);
void buffer_free(struct buffer *buffer); /* leaves the buffer reusable; keeps limit and secret */

MIC_PRIVATE_END
#endif
