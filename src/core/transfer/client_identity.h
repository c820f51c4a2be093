/* The certificate and key by which a client shows who it is to the server. */
#ifndef MIC_CLIENT_IDENTITY_H
#define MIC_CLIENT_IDENTITY_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Sets them on a handle; NULL: there is none. A handle with another mark shares no connection and
   no TLS session with it: libcurl before 8.21 compares certificates for that, but not their keys.
 */
CURLcode client_identity_set(CURL *easy, const char *certificate, const char *key, uint64_t mark);

MIC_PRIVATE_END
#endif
