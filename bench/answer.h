/* The body of an answer, and the libcurl write callback that keeps it. */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <string.h>

enum { ANSWER_MAX = 64 * 1024 };

struct answer {
  char bytes[ANSWER_MAX];
  size_t length;
};

static size_t keep(char *bytes, size_t unit, size_t count, void *context) {
  struct answer *answer = context;
  size_t length = unit * count;
  if (length > sizeof answer->bytes - answer->length)
    return 0;
  memcpy(answer->bytes + answer->length, bytes, length);
  answer->length += length;
  return length;
}

#endif
