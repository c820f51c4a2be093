#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "secret.h"

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t limit, bool secret) {
  buffer->data = NULL;
  buffer->length = 0;
  buffer->capacity = 0;
  buffer->limit = limit;
  buffer->secret = secret;
  buffer->failed = false;
}

static void release(struct buffer *buffer) {
  if (buffer->secret)
    secret_wipe(buffer->data, buffer->capacity);
  free(buffer->data);
  buffer->data = NULL;
  buffer->length = 0;
  buffer->capacity = 0;
  buffer->failed = false;
}

/* realloc would leave a copy of the old bytes behind, so a secret buffer is copied and wiped. */
static char *resize(struct buffer *buffer, size_t capacity) {
  if (!buffer->secret)
    return realloc(buffer->data, capacity);
  char *data = malloc(capacity);
  if (!data || !buffer->data)
    return data;
  memcpy(data, buffer->data, buffer->length);
  secret_wipe(buffer->data, buffer->capacity);
  free(buffer->data);
  return data;
}

static enum buffer_status fail(struct buffer *buffer, enum buffer_status status) {
  buffer->failed = true;
  return status;
}

/* Grows by doubling, up to the limit. */
static enum buffer_status reserve(struct buffer *buffer, size_t extra) {
  if (extra > buffer->limit - buffer->length)
    return fail(buffer, BUFFER_FULL);
  size_t needed = buffer->length + extra;
  if (needed <= buffer->capacity)
    return BUFFER_OK;
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
  while (capacity < needed && capacity <= buffer->limit / 2)
    capacity *= 2;
  if (capacity < needed || capacity > buffer->limit)
    capacity = buffer->limit;
  char *data = resize(buffer, capacity);
  if (!data)
    return fail(buffer, BUFFER_NO_MEMORY);
  buffer->data = data;
  buffer->capacity = capacity;
  return BUFFER_OK;
}

enum buffer_status buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
  if (length == 0)
    return BUFFER_OK;
  enum buffer_status status = reserve(buffer, length);
  if (status != BUFFER_OK)
    return status;
  memcpy(buffer->data + buffer->length, bytes, length);
  buffer->length += length;
  return BUFFER_OK;
}

enum buffer_status buffer_append_text(struct buffer *buffer, const char *text) {
  return buffer_append(buffer, text, strlen(text));
}

/* The letter of the two-character escape of `byte`; 0 if it has none. */
static char short_escape(unsigned char byte) {
  switch (byte) {
  case '"':
  case '\\':
    return (char)byte;
  case '\b':
    return 'b';
  case '\f':
    return 'f';
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  default:
    return '\0';
  }
}

enum buffer_status buffer_append_json(struct buffer *buffer, const char *bytes, size_t length) {
  static const char hex[] = "0123456789abcdef";
  const size_t before = buffer->length;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char letter = short_escape(byte);
    char escaped[] = {'\\', letter, '0', '0', hex[byte >> 4], hex[byte & 15]};
    size_t size = letter != '\0' ? 2 : 1;
    if (letter == '\0' && byte < 0x20) {
      escaped[1] = 'u';
      size = sizeof escaped;
    } else if (letter == '\0') {
      escaped[0] = (char)byte;
    }
    enum buffer_status status = buffer_append(buffer, escaped, size);
    if (status != BUFFER_OK) {
      buffer->length = before;
      return status;
    }
  }
  return BUFFER_OK;
}

void buffer_clear(struct buffer *buffer, size_t keep) {
  /* Freeing cannot fail; shrinking could. */
  if (buffer->capacity > keep) {
    release(buffer);
    return;
  }
  if (buffer->secret)
    secret_wipe(buffer->data, buffer->capacity);
  buffer->length = 0;
  buffer->failed = false;
}

void buffer_free(struct buffer *buffer) {
  release(buffer);
}
