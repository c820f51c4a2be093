/* Variables of the environment. A program that runs with more rights than who started it (set-uid)
   shall not be led by them. */
#ifndef MIC_PROCESS_ENVIRONMENT_H
#define MIC_PROCESS_ENVIRONMENT_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Whether somebody with fewer rights may have set them. */
bool environment_is_foreign(void);
/* NULL: it is not set, or foreign. */
const char *environment_get(const char *name);
/* Takes out of a foreign environment what makes libcurl write the keys of TLS connections into a
   file. Before libcurl is started. */
void environment_clean(void);

MIC_PRIVATE_END
#endif
