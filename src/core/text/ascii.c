#include "../base.h"

#include <string.h>

#include "ascii.h"

bool ascii_alike(const char *one, const char *other, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (one[i] != other[i] && ascii_lower(one[i]) != ascii_lower(other[i]))
      return false;
    if (one[i] == '\0')
      break;
  }
  return true;
}

bool ascii_is(const char *text, size_t length, const char *word) {
  return strlen(word) == length && ascii_alike(text, word, length);
}

bool ascii_is_visible(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
      return false;
  return true;
}
