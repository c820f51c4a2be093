/* Program with its own older OpenSSL, linked without the function that returns the version. */
#include <stdlib.h>

void CRYPTO_free(void *memory, const char *file, int line);

void CRYPTO_free(void *memory, const char *file, int line) {
  (void)file, (void)line;
  free(memory);
}
