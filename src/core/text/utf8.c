#include "../base.h"

#include "utf8.h"

size_t utf8_write(uint32_t code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = length - 1; i > 0; i--) {
    out[i] = (char)(0x80 | (code & 0x3F));
    code >>= 6;
  }
  out[0] = (char)(lead[length] | code);
  return length;
}

int hex_digit(int byte) {
  if (byte >= '0' && byte <= '9')
    return byte - '0';
  if (byte >= 'a' && byte <= 'f')
    return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F')
    return byte - 'A' + 10;
  return -1;
}

int base64_digit(char byte) {
  if (byte >= 'A' && byte <= 'Z')
    return byte - 'A';
  if (byte >= 'a' && byte <= 'z')
    return byte - 'a' + 26;
  if (byte >= '0' && byte <= '9')
    return byte - '0' + 52;
  if (byte == '+' || byte == '-')
    return 62;
  return byte == '/' || byte == '_' ? 63 : -1;
}

bool hex_read(const char *text, size_t length, size_t count, uint32_t *value) {
  uint32_t read = 0;
  for (size_t i = 0; i < count; i++) {
    int digit = i < length ? hex_digit((unsigned char)text[i]) : -1;
    if (digit < 0)
      return false;
    read = read * 16 + (uint32_t)digit;
  }
  *value = read;
  return true;
}
