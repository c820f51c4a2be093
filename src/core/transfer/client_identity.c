#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "client_identity.h"
#include "tls_backend.h"

enum { MARK_BITS = 64 };

/* Spells the path of the same file in a way that is unique to the mark: "./" for each 0 bit, ".//"
   for each 1 bit. */
static char *marked_path(const char *path, uint64_t mark) {
  const char *slash = strrchr(path, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash + 1 - path);
  char *marked = malloc(strlen(path) + MARK_BITS * strlen(".//") + 1);
  if (marked == NULL)
    return NULL;
  memcpy(marked, path, folder);
  char *end = marked + folder;
  for (int bit = 0; bit < MARK_BITS; bit++) {
    const char *step = (mark >> bit & 1) != 0 ? ".//" : "./";
    memcpy(end, step, strlen(step));
    end += strlen(step);
  }
  memcpy(end, path + folder, strlen(path + folder) + 1);
  return marked;
}

/* False for a certificate on a token, which has no path. */
static bool is_file(const char *certificate) {
  return strncmp(certificate, "pkcs11:", 7) != 0;
}

static CURLcode set_certificate(CURL *easy, const char *certificate, uint64_t mark) {
  char *marked = marked_path(certificate, mark);
  if (marked == NULL)
    return CURLE_OUT_OF_MEMORY;
  CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLCERT, marked);
  free(marked);
  return code;
}

/* Without one OpenSSL prompts on the terminal. GnuTLS does not, and with one it reads only
   encrypted keys. */
static CURLcode set_no_passphrase(CURL *easy) {
  return tls_backend_of(easy) == CURLSSLBACKEND_GNUTLS
             ? CURLE_OK
             : curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
}

CURLcode client_identity_set(CURL *easy, const char *certificate, const char *key, uint64_t mark) {
  if (certificate == NULL)
    return CURLE_OK;
  CURLcode code = key != NULL && is_file(certificate)
                      ? set_certificate(easy, certificate, mark)
                      : curl_easy_setopt(easy, CURLOPT_SSLCERT, certificate);
  if (code == CURLE_OK)
    code = set_no_passphrase(easy);
  return code == CURLE_OK && key != NULL ? curl_easy_setopt(easy, CURLOPT_SSLKEY, key) : code;
}
