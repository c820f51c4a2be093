/* An owned byte string that is wiped before its memory is let go. Never NUL inside a printed
   text: there is no function that prints one. */
#ifndef MIC_SECRET_H
#define MIC_SECRET_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct secret {
  char *bytes;   /* owned, NUL-terminated for C callers; NULL = not set */
  size_t length; /* without the NUL */
};

/* memset that the compiler may not leave out. */
void secret_wipe(void *bytes, size_t length);
/* Copies `bytes`; the old value is wiped. False when there is no memory: the old value stays. */
bool secret_set(struct secret *secret, const char *bytes, size_t length);
void secret_clear(struct secret *secret);                 /* wipes, frees, not set */
void secret_move(struct secret *to, struct secret *from); /* `from` is not set afterwards */
/* Constant time for equal lengths. Two secrets that are not set are equal. */
bool secret_equal(const struct secret *a, const struct secret *b);

MIC_PRIVATE_END
#endif
