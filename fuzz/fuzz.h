/* What the fuzz targets share. */
#ifndef MIC_FUZZ_H
#define MIC_FUZZ_H

#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stays on in every build, unlike assert. */
#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                      \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly that size, so that the sanitizer sees every byte too far. To be freed. */
static inline char *exact_copy(const void *bytes, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  if (!copy)
    abort();
  if (size > 0)
    memcpy(copy, bytes, size);
  return copy;
}

#endif
