#include "../base.h"

#include <time.h>

#include "idle_clock.h"

double idle_clock_now(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void idle_clock_touch(struct idle_clock *clock) {
  if (clock->limit > 0.0)
    clock->since = idle_clock_now();
}

void idle_clock_count(struct idle_clock *clock, int64_t moved) {
  if (moved == clock->moved)
    return;
  clock->moved = moved;
  idle_clock_touch(clock);
}

void idle_clock_skip(struct idle_clock *clock, double seconds) {
  if (clock->limit <= 0.0 || clock->since <= 0.0)
    return;
  double now = idle_clock_now();
  clock->since += seconds;
  if (clock->since > now) /* there was progress within the skipped time */
    clock->since = now;
}

double idle_clock_left(const struct idle_clock *clock, double longest) {
  if (clock->limit <= 0.0 || clock->since <= 0.0)
    return longest;
  double left = clock->since + clock->limit - idle_clock_now();
  return left < longest ? left : longest;
}
