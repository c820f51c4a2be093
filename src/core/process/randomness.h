/* Random bytes from the system. For delays and tokens of locks, no keys. */
#ifndef MIC_RANDOMNESS_H
#define MIC_RANDOMNESS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Needs neither a descriptor nor /dev, never waits and never fails: a system that gives no random
   bytes is made up for by what differs between processes and moments. */
uint64_t randomness_bits(void);

MIC_PRIVATE_END
#endif
