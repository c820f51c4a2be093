#include "../base.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "../process/loaded_object.h"
#include "tls_pending.h"

typedef int (*int_function)(const void *connection);
typedef size_t (*size_function)(const void *connection);

/* SSL_has_pending (OpenSSL 1.1.0) also counts records that are not yet decrypted. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int_function openssl_pending, openssl_has_pending, mbedtls_pending, wolfssl_pending;
static size_function gnutls_pending;
static unsigned long (*openssl_version)(void);
static uint64_t (*openssl_set_options)(void *connection, uint64_t options);
static uint64_t (*openssl_clear_options)(void *connection, uint64_t options);

/* SSL_OP_CLEANSE_PLAINTEXT, since OpenSSL 3.0. */
static const uint64_t CLEANSE = 2;

/* Looks the symbol up in the library that libcurl calls: another copy in the process cannot read
   its connections. A program with its own TLS library may have replaced libcurl's (see host_tls.c),
   so if there are two symbols of the name, neither is used. */
static void *find(void *libcurl, const char *name) {
  void *here = dlsym(RTLD_DEFAULT, name);
  void *there = libcurl == NULL ? here : dlsym(libcurl, name);
  return here == NULL || here == there ? there : NULL;
}

static void find_functions(void) {
  const char *file = "";
  void *libcurl = NULL, *symbol = NULL;
  CURLcode (*getinfo)(CURL *, CURLINFO, ...) = curl_easy_getinfo;
  memcpy(&symbol, &getinfo, sizeof symbol); /* ISO C has no cast for this */
  if (loaded_object_of(symbol, &file) != NULL && file[0] != '\0')
    libcurl = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
  symbol = find(libcurl, "SSL_pending");
  memcpy(&openssl_pending, &symbol, sizeof symbol);
  symbol = find(libcurl, "SSL_has_pending");
  memcpy(&openssl_has_pending, &symbol, sizeof symbol);
  symbol = find(libcurl, "OpenSSL_version_num");
  memcpy(&openssl_version, &symbol, sizeof symbol);
  symbol = find(libcurl, "SSL_set_options");
  memcpy(&openssl_set_options, &symbol, sizeof symbol);
  symbol = find(libcurl, "SSL_clear_options");
  memcpy(&openssl_clear_options, &symbol, sizeof symbol);
  symbol = find(libcurl, "gnutls_record_check_pending");
  memcpy(&gnutls_pending, &symbol, sizeof symbol);
  symbol = find(libcurl, "mbedtls_ssl_check_pending");
  memcpy(&mbedtls_pending, &symbol, sizeof symbol);
  symbol = find(libcurl, "wolfSSL_pending");
  memcpy(&wolfssl_pending, &symbol, sizeof symbol);
  if (libcurl != NULL)
    dlclose(libcurl); /* stays loaded: this module links to it */
}

/* The TLS connection of the handle, or NULL. */
static struct curl_tlssessioninfo *session_of(CURL *easy) {
  struct curl_tlssessioninfo *session = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL ||
      session->internals == NULL)
    return NULL;
  pthread_once(&once, find_functions);
  return session;
}

static bool tells_of_bytes(int_function pending, const struct curl_tlssessioninfo *session) {
  return pending != NULL && pending(session->internals) > 0;
}

bool tls_has_pending(CURL *easy) {
  const struct curl_tlssessioninfo *session = session_of(easy);
  if (session == NULL)
    return false;
  switch (session->backend) {
  case CURLSSLBACKEND_OPENSSL:
    return tells_of_bytes(openssl_pending, session) || tells_of_bytes(openssl_has_pending, session);
  case CURLSSLBACKEND_GNUTLS:
    return gnutls_pending != NULL && gnutls_pending(session->internals) > 0;
  case CURLSSLBACKEND_MBEDTLS:
    return tells_of_bytes(mbedtls_pending, session);
  case CURLSSLBACKEND_WOLFSSL:
    return tells_of_bytes(wolfssl_pending, session);
  default:
    return false;
  }
}

void tls_wipe_what_is_read(CURL *easy, bool wipes) {
  const struct curl_tlssessioninfo *session = session_of(easy);
  if (session == NULL || session->backend != CURLSSLBACKEND_OPENSSL || openssl_version == NULL ||
      openssl_version() < 0x30000000UL || openssl_set_options == NULL ||
      openssl_clear_options == NULL)
    return;
  if (wipes)
    openssl_set_options(session->internals, CLEANSE);
  else
    openssl_clear_options(session->internals, CLEANSE);
}
