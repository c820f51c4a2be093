#include "../base.h"

#include <curl/curl.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "clock.h"

/* Date has whole seconds and a reply takes time, so a smaller difference is no clock error. */
static const double OFFSET_NOISE = 2.0;

static double read_clock(clockid_t id) {
  struct timespec now = {0, 0};
  clock_gettime(id, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double clock_monotonic(const struct clock *clock) {
#ifdef CLOCK_BOOTTIME
  return read_clock(CLOCK_BOOTTIME) + clock->shift;
#else
  return read_clock(CLOCK_MONOTONIC) + clock->shift;
#endif
}

static double uncorrected_wall(const struct clock *clock) {
  return read_clock(CLOCK_REALTIME) + clock->shift;
}

double clock_wall(const struct clock *clock) {
  return uncorrected_wall(clock) + clock->server_offset;
}

bool clock_learn(struct clock *clock, const char *date, size_t length) {
  char text[64]; /* curl_getdate needs a NUL; dates have 29 bytes */
  if (length == 0 || length >= sizeof text)
    return false;
  memcpy(text, date, length);
  text[length] = '\0';
  time_t server = curl_getdate(text, NULL);
  if (server <= 0)
    return false;
  double offset = (double)server - uncorrected_wall(clock);
  clock->server_offset = fabs(offset) < OFFSET_NOISE ? 0.0 : offset;
  clock->server_known = true;
  return true;
}
