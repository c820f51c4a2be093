/* ASCII case functions. Those of the C library follow the program's locale, where I and i may not
   be a pair. */
#ifndef MIC_ASCII_H
#define MIC_ASCII_H

#include "../base.h"

static inline char ascii_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static inline char ascii_upper(char byte) {
  return byte >= 'a' && byte <= 'z' ? (char)(byte & ~0x20) : byte;
}

MIC_PRIVATE_BEGIN

/* True if the first `length` bytes are equal, ignoring case. A NUL ends both. */
bool ascii_alike(const char *one, const char *other, size_t length);
/* True if each byte is a visible character. */
bool ascii_is_visible(const char *text, size_t length);
/* True if the text is the word, which ends with a NUL, ignoring case. */
bool ascii_is(const char *text, size_t length, const char *word);

MIC_PRIVATE_END

static inline bool ascii_equal(const char *one, const char *other) {
  return ascii_alike(one, other, SIZE_MAX);
}

#endif
