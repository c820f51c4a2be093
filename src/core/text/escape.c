#include "../base.h"

#include "escape.h"
#include "secret.h"

/* The characters that both encodings leave alone. */
static bool is_common(unsigned char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

static enum buffer_status append_escaped(struct buffer *to, const char *bytes, size_t length,
                                         bool form) {
  static const char hex[] = "0123456789ABCDEF";
  enum buffer_status status = BUFFER_OK;
  for (size_t i = 0; i < length && status == BUFFER_OK; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
    if (is_common(byte) || byte == (form ? '*' : '~'))
      status = buffer_append(to, bytes + i, 1);
    else if (form && byte == ' ')
      status = buffer_append(to, "+", 1);
    else
      status = buffer_append(to, escaped, sizeof escaped);
  }
  return status;
}

enum buffer_status escape_append_url(struct buffer *to, const char *bytes, size_t length) {
  return append_escaped(to, bytes, length, false);
}

enum buffer_status escape_append_form(struct buffer *to, const char *bytes, size_t length) {
  return append_escaped(to, bytes, length, true);
}

enum buffer_status escape_append_base64(struct buffer *to, const char *bytes, size_t length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  enum buffer_status status = BUFFER_OK;
  for (size_t i = 0; i < length && status == BUFFER_OK; i += 3) {
    size_t left = length - i;
    uint32_t group = (uint32_t)(unsigned char)bytes[i] << 16;
    if (left > 1)
      group |= (uint32_t)(unsigned char)bytes[i + 1] << 8;
    if (left > 2)
      group |= (uint32_t)(unsigned char)bytes[i + 2];
    char encoded[4] = {digits[group >> 18], digits[group >> 12 & 63],
                       left > 1 ? digits[group >> 6 & 63] : '=',
                       left > 2 ? digits[group & 63] : '='};
    status = buffer_append(to, encoded, sizeof encoded);
    secret_wipe(encoded, sizeof encoded);
  }
  return status;
}
