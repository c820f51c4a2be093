/* Where the system keeps the certificates that TLS trusts. */
#ifndef MIC_TRUST_H
#define MIC_TRUST_H

#include <curl/curl.h>

#include "base.h"

MIC_PRIVATE_BEGIN

/* Sets libcurl's own place of trust in the cheaper of its forms: the hashed folder where the system
   has one, which is read one certificate at a time (measured: a cold start over TLS costs a third);
   else the bundle alone, which libcurl then keeps parsed between connections. */
CURLcode trust_set_system(CURL *easy);

MIC_PRIVATE_END
#endif
