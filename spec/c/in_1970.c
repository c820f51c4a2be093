/* Preloaded library: a machine whose clock has started in 1970. */
#include <time.h>

time_t time(time_t *out) {
  if (out != NULL)
    *out = 1000;
  return 1000;
}
