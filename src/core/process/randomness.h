/* Random bits from the system, for delays and lock tokens. Not for keys. */
#ifndef MIC_RANDOMNESS_H
#define MIC_RANDOMNESS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Needs no descriptor and no /dev, never blocks, never fails. Without a system source it mixes
   clocks, process id and addresses. */
uint64_t randomness_bits(void);

MIC_PRIVATE_END
#endif
