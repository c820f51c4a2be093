/* Owned byte string that is wiped before it is freed. There is no function to print one. */
#ifndef MIC_SECRET_H
#define MIC_SECRET_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct secret {
  char *bytes;   /* owned, NUL-terminated for C; NULL: unset */
  size_t length; /* without the NUL */
};

/* memset that the compiler cannot optimise away. */
void secret_wipe(void *bytes, size_t length);
/* Copies `bytes` and wipes the old value. False if out of memory: the old value stays. */
bool secret_set(struct secret *secret, const char *bytes, size_t length);
void secret_clear(struct secret *secret);                 /* wipes and frees; unset afterwards */
void secret_move(struct secret *to, struct secret *from); /* `from` is unset afterwards */
/* Constant time for equal lengths. Two unset secrets are equal. */
bool secret_equal(const struct secret *a, const struct secret *b);

MIC_PRIVATE_END
#endif
