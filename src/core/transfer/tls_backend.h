/* The TLS library that libcurl uses. */
#ifndef MIC_TLS_BACKEND_H
#define MIC_TLS_BACKEND_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* CURLSSLBACKEND_*; the handle needs no connection. A libcurl may have several of them, and
   curl_version_info names all. */
curl_sslbackend tls_backend_of(CURL *easy);
/* True for OpenSSL and its forks. */
bool tls_library_is_openssl(const curl_version_info_data *info);

MIC_PRIVATE_END
#endif
