/* Bytes that the TLS library has buffered. libcurl has no function for it, and the socket does not
   show them. */
#ifndef MIC_TLS_PENDING_H
#define MIC_TLS_PENDING_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* True if the handle's connection has buffered bytes. Call it in a callback of the handle. False if
   unknown: with a library other than OpenSSL, its forks, GnuTLS, mbedTLS and wolfSSL. */
bool tls_has_pending(CURL *easy);
/* Sets whether the TLS library wipes plaintext in its buffer once libcurl has read it (OpenSSL 3.0
   and later). Call it in a callback of the handle. */
void tls_wipe_what_is_read(CURL *easy, bool wipes);

MIC_PRIVATE_END
#endif
