/* How long nothing has moved: the time limit of an exchange whose body flows. libcurl's own limit
   counts whole seconds and averages. */
#ifndef MIC_IDLE_CLOCK_H
#define MIC_IDLE_CLOCK_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct idle_clock {
  double limit;  /* seconds without progress; 0 = no limit */
  double since;  /* when something moved last; 0 = nothing was sent yet */
  int64_t moved; /* bytes of both bodies by then */
};

double idle_clock_now(void); /* seconds on a clock that nobody sets */
void idle_clock_touch(struct idle_clock *clock);
/* The same, but only when the number of bytes has changed. */
void idle_clock_count(struct idle_clock *clock, int64_t moved);
/* Takes out seconds in which our own side was busy. */
void idle_clock_skip(struct idle_clock *clock, double seconds);
/* Seconds until the limit; at most 0 when it is reached, `longest` where none is near. */
double idle_clock_left(const struct idle_clock *clock, double longest);

MIC_PRIVATE_END
#endif
