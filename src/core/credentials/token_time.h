/* Reads when a token ends, in the units in which login replies tell it. */
#ifndef MIC_TOKEN_TIME_H
#define MIC_TOKEN_TIME_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum time_unit { TIME_SECONDS, TIME_MILLISECONDS, TIME_EPOCH, TIME_ISO };

/* Seconds from now until the token ends, as the text of a number or of a date says. `wall`: seconds
   since 1970 of the server's clock. 0 if the text is not valid, the time is over, or it is more
   than MIC_LIFETIME_MAX away. */
double token_time_left(const char *text, size_t length, enum time_unit unit, double wall);

MIC_PRIVATE_END
#endif
