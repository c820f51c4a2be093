/* What the TLS library has read from a connection: libcurl has no function for that. Bytes that
   libcurl has not asked for are shown by no look at the socket. */
#ifndef MIC_TLS_PENDING_H
#define MIC_TLS_PENDING_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Of the connection that the handle uses, in a callback of it. False also where it cannot be known:
   with a TLS library other than OpenSSL, its kin and GnuTLS. */
bool tls_has_pending(CURL *easy);
/* From now on the library wipes in its buffer what libcurl has taken out of it, if it can: OpenSSL
   3.0 and later. Likewise in a callback. */
void tls_wipe_what_is_read(CURL *easy);

MIC_PRIVATE_END
#endif
