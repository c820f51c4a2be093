#include "../base.h"

#include <string.h>

#include "tls_backend.h"

curl_sslbackend tls_backend_of(CURL *easy) {
  struct curl_tlssessioninfo *session = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL)
    return CURLSSLBACKEND_NONE;
  return session->backend;
}

bool tls_library_is_openssl(const curl_version_info_data *info) {
  return info->ssl_version != NULL && strstr(info->ssl_version, "SSL/") != NULL &&
         strncmp(info->ssl_version, "wolf", 4) != 0;
}
