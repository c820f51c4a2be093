/* Idle timeout: time without progress while a body flows. libcurl's own limit counts whole seconds
   and averages. */
#ifndef MIC_IDLE_CLOCK_H
#define MIC_IDLE_CLOCK_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct idle_clock {
  double limit;  /* seconds without progress; 0: none */
  double since;  /* idle_clock_now of the last progress; 0: nothing was sent yet */
  int64_t moved; /* bytes of both bodies at that time */
};

double idle_clock_now(void); /* monotonic seconds */
void idle_clock_touch(struct idle_clock *clock);
/* Touches the clock if the number of bytes has changed. */
void idle_clock_count(struct idle_clock *clock, int64_t moved);
/* Excludes seconds in which the program itself was busy. */
void idle_clock_skip(struct idle_clock *clock, double seconds);
/* Seconds until the timeout, at most `longest`. 0 or less if it has expired. */
double idle_clock_left(const struct idle_clock *clock, double longest);

MIC_PRIVATE_END
#endif
