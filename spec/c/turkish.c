/* Preloaded library: case conversion of C functions as in a Turkish locale, where I and i are not
   a pair. */
#define _GNU_SOURCE 1
#include <stddef.h>
#include <stdint.h>

int tolower(int byte);
int toupper(int byte);
int strcasecmp(const char *one, const char *other);
const int32_t **__ctype_tolower_loc(void);
const int32_t **__ctype_toupper_loc(void);
int strncasecmp(const char *one, const char *other, size_t length);

int tolower(int byte) {
  return byte >= 'A' && byte <= 'Z' && byte != 'I' ? byte | 0x20 : byte;
}

int toupper(int byte) {
  return byte >= 'a' && byte <= 'z' && byte != 'i' ? byte & ~0x20 : byte;
}

int strncasecmp(const char *one, const char *other, size_t length) {
  for (size_t i = 0; i < length; i++) {
    int difference = tolower((unsigned char)one[i]) - tolower((unsigned char)other[i]);
    if (difference != 0 || one[i] == '\0')
      return difference;
  }
  return 0;
}

int strcasecmp(const char *one, const char *other) {
  return strncasecmp(one, other, (size_t)-1);
}

/* The table for glibc's ctype macros, from -128 to 255. */
static const int32_t *table_of(int (*turn)(int), int32_t *table) {
  for (int byte = -128; byte < 256; byte++)
    table[byte + 128] = turn(byte);
  return table + 128;
}

const int32_t **__ctype_tolower_loc(void) {
  static int32_t table[384];
  static const int32_t *middle;
  middle = table_of(tolower, table);
  return &middle;
}

const int32_t **__ctype_toupper_loc(void) {
  static int32_t table[384];
  static const int32_t *middle;
  middle = table_of(toupper, table);
  return &middle;
}
