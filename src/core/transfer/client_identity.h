/* Client certificate and key (mutual TLS). */
#ifndef MIC_CLIENT_IDENTITY_H
#define MIC_CLIENT_IDENTITY_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Sets them on a handle; NULL: none. Handles with different marks share neither connections nor TLS
   sessions. libcurl before 8.21 compares certificates for that, but not keys. */
CURLcode client_identity_set(CURL *easy, const char *certificate, const char *key, uint64_t mark);

MIC_PRIVATE_END
#endif
