/* Helpers shared by the fuzz targets. */
#ifndef MIC_FUZZ_H
#define MIC_FUZZ_H

#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Like assert, but active in every build. */
#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                      \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap block of exactly that size, so that the sanitizer catches every overrun. The caller frees
   it. */
static inline char *exact_copy(const void *bytes, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  if (!copy)
    abort();
  if (size > 0)
    memcpy(copy, bytes, size);
  return copy;
}

#endif
