/* Words in one text, each followed by a NUL: "one\0" "two\0". The literal's own NUL ends the list.
   An array of pointers costs a relocation for each word, in memory that processes do not share. */
#ifndef MIC_WORDS_H
#define MIC_WORDS_H

#include <string.h>

#include "../base.h"

static inline const char *word_after(const char *word) {
  return word + strlen(word) + 1;
}

#endif
