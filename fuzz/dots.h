/* Reference check for dot segments: decodes the whole text, unlike url_path.c. */
#ifndef MIC_FUZZ_DOTS_H
#define MIC_FUZZ_DOTS_H

#include <curl/curl.h>

#include "fuzz.h"

static inline bool has_dots_now(const char *text, size_t length) {
  size_t start = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && text[i] != '/' && text[i] != '\\')
      continue;
    size_t name = 0;
    while (start + name < i && memchr(";?#", text[start + name], 4) == NULL)
      name++;
    if ((name == 1 || name == 2) && memcmp(text + start, "..", name) == 0)
      return true;
    start = i + 1;
  }
  return false;
}

/* Checks the text as it is, and decoded once, twice and three times. */
static inline bool has_dots(const char *text, size_t length) {
  char *copy = exact_copy(text, length);
  bool found = has_dots_now(copy, length);
  for (int i = 0; i < 3 && !found && length > 0; i++) {
    int decoded_length = 0;
    char *decoded = curl_easy_unescape(NULL, copy, (int)length, &decoded_length);
    CHECK(decoded);
    free(copy);
    length = (size_t)decoded_length;
    copy = exact_copy(decoded, length);
    curl_free(decoded);
    found = has_dots_now(copy, length);
  }
  free(copy);
  return found;
}

#endif
