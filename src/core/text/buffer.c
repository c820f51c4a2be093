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

static size_t escaped_length(unsigned char byte) {
  if (short_escape(byte))
    return 2;
  return byte < 0x20 ? 6 : 1;
}

/* Writes `byte` escaped to `out`; returns the end. */
static char *write_escaped(char *out, unsigned char byte) {
  static const char hex[] = "0123456789abcdef";
  char letter = short_escape(byte);
  if (!letter && byte >= 0x20) {
    *out++ = (char)byte;
    return out;
  }
  *out++ = '\\';
  *out++ = letter ? letter : 'u';
  if (letter)
    return out;
  *out++ = '0';
  *out++ = '0';
  *out++ = hex[byte >> 4];
  *out++ = hex[byte & 15];
  return out;
}

enum buffer_status buffer_append_json(struct buffer *buffer, const char *bytes, size_t length) {
  /* Measure first: a text that does not fit leaves the buffer unchanged. */
  size_t room = buffer->limit - buffer->length;
  size_t total = 0;
  for (size_t i = 0; i < length; i++) {
    size_t one = escaped_length((unsigned char)bytes[i]);
    if (one > room - total)
      return fail(buffer, BUFFER_FULL);
    total += one;
  }
  if (total == 0)
    return BUFFER_OK;
  enum buffer_status status = reserve(buffer, total);
  if (status != BUFFER_OK)
    return status;
  char *out = buffer->data + buffer->length;
  for (size_t i = 0; i < length; i++)
    out = write_escaped(out, (unsigned char)bytes[i]);
  buffer->length += total;
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
