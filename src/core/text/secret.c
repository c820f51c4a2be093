#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

void secret_wipe(void *bytes, size_t length) {
  if (!bytes || length == 0)
    return;
  memset(bytes, 0, length);
  /* Makes the compiler assume that the zeros are read: else it drops the memset before free. Works
     with every libc, unlike explicit_bzero and memset_s. */
  __asm__ __volatile__("" : : "r"(bytes) : "memory");
}

bool secret_set(struct secret *secret, const char *bytes, size_t length) {
  if (length == SIZE_MAX)
    return false;
  char *copy = malloc(length + 1);
  if (!copy)
    return false;
  if (length > 0)
    memcpy(copy, bytes, length);
  copy[length] = '\0';
  /* Not earlier: `bytes` may point into the old value. */
  secret_clear(secret);
  secret->bytes = copy;
  secret->length = length;
  return true;
}

void secret_clear(struct secret *secret) {
  if (secret->bytes) {
    secret_wipe(secret->bytes, secret->length);
    free(secret->bytes);
  }
  secret->bytes = NULL;
  secret->length = 0;
}

void secret_move(struct secret *to, struct secret *from) {
  if (to == from)
    return;
  secret_clear(to);
  *to = *from;
  from->bytes = NULL;
  from->length = 0;
}

bool secret_equal(const struct secret *a, const struct secret *b) {
  if (!a->bytes || !b->bytes)
    return !a->bytes && !b->bytes;
  if (a->length != b->length)
    return false;
  /* volatile: keeps the compiler from leaving the loop early */
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a->length; i++)
    difference = (unsigned char)(difference | (unsigned char)(a->bytes[i] ^ b->bytes[i]));
  return difference == 0;
}
