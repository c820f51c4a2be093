/* Which certificates TLS trusts: of the server, and of a proxy that speaks TLS. */
#ifndef MIC_TRUST_H
#define MIC_TRUST_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* What `file` and `folder` (either or both; NULL = not given) hold is trusted instead of the
   system's authorities. With neither it is libcurl's own place of trust in the cheaper of its
   forms: the hashed folder where the system has one, which is read one certificate at a time
   (measured: a cold start over TLS costs a third); else the bundle alone, which libcurl then keeps
   parsed between connections. */
CURLcode trust_set(CURL *easy, const char *file, const char *folder, long min_version);

MIC_PRIVATE_END
#endif
