/* Time for credentials: a lifetime is measured on the monotonic clock, which nobody sets; the wall
   clock is corrected by what the server says in Date. */
#ifndef MIC_CLOCK_H
#define MIC_CLOCK_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct clock {
  double shift;         /* added to both clocks, for tests */
  double server_offset; /* server's wall clock minus ours */
  bool server_known;    /* the offset was learnt */
};

double clock_monotonic(const struct clock *clock); /* seconds; goes on while the machine sleeps */
double clock_wall(const struct clock *clock);      /* seconds since 1970, corrected */
/* Learns the offset from a Date header's value. False when it is no date. */
bool clock_learn(struct clock *clock, const char *date, size_t length);

MIC_PRIVATE_END
#endif
