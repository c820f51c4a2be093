#include "../base.h"

#include "peer_verdict.h"
#include "tls_backend.h"

/* X509_V_ERR_*. libcurl sets 1 before the handshake, and leaves it if only the name is wrong. */
static enum peer_verdict read_openssl(long verdict) {
  return verdict == 1    ? PEER_ANOTHER_NAME
         : verdict == 9  ? PEER_NOT_YET_VALID
         : verdict == 10 ? PEER_EXPIRED
                         : PEER_UNKNOWN;
}

/* Bits of gnutls_certificate_status_t; negative: an error of GnuTLS. A chain without a known
   authority may have the bits of the dates as well. */
static enum peer_verdict read_gnutls(long verdict) {
  enum { INVALID = 1 << 1, NOT_ACTIVATED = 1 << 9, EXPIRED = 1 << 10 };
  if (verdict < 0 || (verdict & ~(INVALID | NOT_ACTIVATED | EXPIRED)) != 0)
    return PEER_UNKNOWN;
  return (verdict & NOT_ACTIVATED) != 0 ? PEER_NOT_YET_VALID
         : (verdict & EXPIRED) != 0     ? PEER_EXPIRED
         : verdict == 0                 ? PEER_ANOTHER_NAME
                                        : PEER_UNKNOWN;
}

/* With wolfSSL libcurl returns the other code for an unknown authority. */
bool peer_is_unverified(CURL *easy, CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION ||
         (code == CURLE_SSL_CACERT_BADFILE && tls_backend_of(easy) == CURLSSLBACKEND_WOLFSSL);
}

enum peer_verdict peer_verdict_of(CURL *easy) {
  long verdict = 0, of_proxy = 0;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
  curl_easy_getinfo(easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &of_proxy);
  if (of_proxy != 0)
    return PEER_PROXY;
  switch (tls_backend_of(easy)) {
  case CURLSSLBACKEND_OPENSSL:
    return read_openssl(verdict);
  case CURLSSLBACKEND_GNUTLS:
    return read_gnutls(verdict);
  default:
    return PEER_UNTOLD;
  }
}
