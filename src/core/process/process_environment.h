/* Environment variables. A set-uid program must not trust them: its caller has fewer rights. */
#ifndef MIC_PROCESS_ENVIRONMENT_H
#define MIC_PROCESS_ENVIRONMENT_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* True if the program runs with more rights than its caller. */
bool environment_is_foreign(void);
/* NULL if unset or not trusted. */
const char *environment_get(const char *name);
/* Removes SSLKEYLOGFILE from an untrusted environment, so that libcurl does not log TLS keys. Call
   it before libcurl is initialised. */
void environment_clean(void);

/* The variables in which libcurl looks for a proxy. */
extern const char environment_proxies[5][12];

MIC_PRIVATE_END
#endif
