/* Bytes that the TLS library has read from a connection and libcurl has not asked for. No look at
   the socket shows them, and libcurl has no function for it. */
#ifndef MIC_TLS_PENDING_H
#define MIC_TLS_PENDING_H

#include <curl/curl.h>

#include "base.h"

MIC_PRIVATE_BEGIN

/* Of the connection that the handle uses, in a callback of it. False also where it cannot be known:
   with a TLS library other than OpenSSL, its kin and GnuTLS. */
bool tls_has_pending(CURL *easy);

MIC_PRIVATE_END
#endif
