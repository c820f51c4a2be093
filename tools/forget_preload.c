/* Preloaded beside the sanitizer's runtime: removes LD_PRELOAD, so that programs started by the
   interpreter, such as curl and nginx, run without either. */
#define _GNU_SOURCE 1
#include <stdlib.h>

__attribute__((constructor)) static void forget_preload(void) {
  unsetenv("LD_PRELOAD");
}
