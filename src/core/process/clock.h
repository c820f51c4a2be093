/* Clocks for credentials. Lifetimes use a monotonic clock, which cannot be set. The wall clock is
   corrected by the server's Date header. */
#ifndef MIC_CLOCK_H
#define MIC_CLOCK_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct clock {
  double shift;         /* added to both clocks, for tests */
  double server_offset; /* server's wall clock minus ours */
  bool server_known;    /* server_offset is valid */
};

double clock_monotonic(const struct clock *clock); /* seconds; includes suspend time */
double clock_wall(const struct clock *clock);      /* seconds since 1970, corrected */
/* Reads the offset from the value of a Date header. False if it is not a date. */
bool clock_learn(struct clock *clock, const char *date, size_t length);

MIC_PRIVATE_END
#endif
