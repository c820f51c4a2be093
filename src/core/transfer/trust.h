/* CA certificates that TLS trusts, for the server and for an HTTPS proxy. */
#ifndef MIC_TRUST_H
#define MIC_TRUST_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Trusts `file` and `folder` (either or both; NULL: not given) instead of the system's CAs. With
   neither, uses the cheaper form of libcurl's default. That is the hashed folder, if the system has
   one, which is read one certificate at a time (measured: a third of a cold start over TLS). Else
   it is the bundle alone, which libcurl keeps parsed between connections. */
CURLcode trust_set(CURL *easy, const char *file, const char *folder);

MIC_PRIVATE_END
#endif
