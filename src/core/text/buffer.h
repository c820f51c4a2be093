/* Bytes that grow up to a cap. A buffer that holds secrets is wiped whenever memory is let go:
   on growing, on clearing and on release. Never touches Lua. */
#ifndef MIC_BUFFER_H
#define MIC_BUFFER_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum buffer_status { BUFFER_OK, BUFFER_FULL, BUFFER_NO_MEMORY };

struct buffer {
  char *data;      /* owned; NULL while nothing was appended; not NUL-terminated */
  size_t length;   /* bytes in use */
  size_t capacity; /* bytes owned */
  size_t limit;    /* the cap: length never passes it */
  bool secret;     /* wipe before letting memory go */
};

void buffer_init(struct buffer *buffer, size_t limit, bool secret);
/* All or nothing: on BUFFER_FULL and BUFFER_NO_MEMORY the content is as it was. */
enum buffer_status buffer_append(struct buffer *buffer, const void *bytes, size_t length);
enum buffer_status buffer_append_text(struct buffer *buffer, const char *text);
/* Appends `bytes` as the inside of a JSON string (without the quotes), escaped. */
enum buffer_status buffer_append_json(struct buffer *buffer, const char *bytes, size_t length);
/* Empties the buffer; keeps at most `keep` bytes of capacity for the next use. */
void buffer_clear(struct buffer *buffer, size_t keep);
void buffer_free(struct buffer *buffer); /* afterwards as after buffer_init */

MIC_PRIVATE_END
#endif
