/* A program with an older OpenSSL of its own, of which its linker left out what tells the version.
 */
#include <stdlib.h>

void CRYPTO_free(void *memory, const char *file, int line);

void CRYPTO_free(void *memory, const char *file, int line) {
  (void)file, (void)line;
  free(memory);
}
