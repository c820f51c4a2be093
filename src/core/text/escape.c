#include "../base.h"

#include "ascii.h"
#include "escape.h"
#include "secret.h"

void escape_append(struct buffer *to, const char *bytes, size_t length, bool form) {
  static const char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]}, lower = ascii_lower(bytes[i]);
    bool plain = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                 byte == '.' || byte == '_' || byte == (form ? '*' : '~');
    bool space = form && byte == ' ';
    if (plain || space)
      escaped[0] = space ? '+' : bytes[i];
    buffer_append(to, escaped, plain || space ? 1 : 3);
  }
}

void escape_append_base64(struct buffer *to, const char *bytes, size_t length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < length; i += 3) {
    size_t left = length - i < 3 ? length - i : 3;
    uint32_t group = 0;
    char encoded[4];
    for (size_t j = 0; j < 3; j++)
      group = group << 8 | (j < left ? (unsigned char)bytes[i + j] : 0);
    for (size_t j = 0; j < sizeof encoded; j++, group <<= 6)
      encoded[j] = j <= left ? digits[group >> 18 & 63] : '=';
    buffer_append(to, encoded, sizeof encoded);
    secret_wipe(encoded, sizeof encoded);
  }
}
