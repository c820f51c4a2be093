#include "../base.h"

#include <dirent.h>
#include <pthread.h>
#include <string.h>

#include "tls_backend.h"
#include "trust.h"

/* "0a1b2c3d.0": eight hex digits of the subject's hash, and a number. */
static bool is_hashed_name(const char *name) {
  for (size_t i = 0; i < 8; i++)
    if (name[i] == '\0' || strchr("0123456789abcdefABCDEF", name[i]) == NULL)
      return false;
  return name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

/* True if the files of a folder are named by hash. */
static bool is_hashed_folder(const char *folder_path) {
  DIR *folder = opendir(folder_path);
  bool found = false;
  if (folder == NULL)
    return false;
  for (const struct dirent *entry = readdir(folder); entry != NULL && !found;
       entry = readdir(folder))
    found = is_hashed_name(entry->d_name);
  closedir(folder);
  return found;
}

static bool looks_up_by_hash(const curl_version_info_data *info) {
  return tls_library_is_openssl(info);
}

/* Read once per process: the folder has hundreds of files, and every handle needs the result. */
static pthread_once_t folder_once = PTHREAD_ONCE_INIT;
static bool folder_is_hashed;

static void look_at_folder(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  folder_is_hashed =
      info->capath != NULL && looks_up_by_hash(info) && is_hashed_folder(info->capath);
}

/* The options for one TLS peer: the server or the proxy. */
struct peer {
  CURLoption file, folder, verify_peer, verify_host;
#if LIBCURL_VERSION_NUM >= 0x074d00
  CURLoption blob;
#endif
};

static const struct peer server = {
    .file = CURLOPT_CAINFO,
    .folder = CURLOPT_CAPATH,
    .verify_peer = CURLOPT_SSL_VERIFYPEER,
    .verify_host = CURLOPT_SSL_VERIFYHOST,
#if LIBCURL_VERSION_NUM >= 0x074d00
    .blob = CURLOPT_CAINFO_BLOB,
#endif
};

static const struct peer proxy = {
    .file = CURLOPT_PROXY_CAINFO,
    .folder = CURLOPT_PROXY_CAPATH,
    .verify_peer = CURLOPT_PROXY_SSL_VERIFYPEER,
    .verify_host = CURLOPT_PROXY_SSL_VERIFYHOST,
#if LIBCURL_VERSION_NUM >= 0x074d00
    .blob = CURLOPT_PROXY_CAINFO_BLOB,
#endif
};

/* Before 8.21, NULL means "none". Since then it means libcurl's built-in default. */
static bool null_is_default(const curl_version_info_data *info) {
  return info->version_num >= 0x081500;
}

/* A revocation list of a CA that does not exist. libcurl requires a bundle with at least one entry;
   this one trusts no certificate. */
#if LIBCURL_VERSION_NUM >= 0x074d00
static const char no_authority_list[] =
    "-----BEGIN X509 CRL-----\n"
    "MIGSMEYCAQEwBQYDK2VwMAwxCjAIBgNVBAMMAS0XDTAwMDEwMTAwMDAwMFoXDTAw\n"
    "MDEwMjAwMDAwMFqgDjAMMAoGA1UdFAQDAgEBMAUGAytlcANBAFa+LMKSMnun/FlI\n"
    "uiN2PAZbq7aLwbFViXqEq/vxnFES/ghYk+u6uaBvfC1Ma35s3yJVj7Tb/7anWuLG\n"
    "JQ/FdwA=\n"
    "-----END X509 CRL-----\n";

/* The same for TLS libraries that require a certificate. The x coordinate of its key is the SHA-256
   of "lua-mic: no authority 1", so that no private key is known: the authority signs nothing. */
static const char no_authority_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcjCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAgMR4wHAYDVQQDDBVsdWEtbWlj\n"
    "OiBubyBhdXRob3JpdHkwIBcNNzAwMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTla\n"
    "MCAxHjAcBgNVBAMMFWx1YS1taWM6IG5vIGF1dGhvcml0eTBZMBMGByqGSM49AgEG\n"
    "CCqGSM49AwEHA0IABIbV2AOn3jegpLM8a/UdPoZTWsv1UAbJGdjaeYT/hUtBxQvw\n"
    "uYBOYu4oAasnLAYTykotbXaXv77o3vd9kEOkf6qjQjBAMA8GA1UdEwEB/wQFMAMB\n"
    "Af8wDgYDVR0PAQH/BAQDAgIEMB0GA1UdDgQWBBTLyu4qeEBFe9+v6UyG2VkDt/77\n"
    "lDAKBggqhkjOPQQDAgNHADBEAiBHlhxApQhrcD6kGpl/OVXPY0F7UG6u1scxXAez\n"
    "jcUSFwIgX3ywvMoyhU+awn75J5o24aiiC2D/dj0muzEPjQA7PIg=\n"
    "-----END CERTIFICATE-----\n";
#endif

static CURLcode set_no_file(CURL *easy, const struct peer *peer,
                            const curl_version_info_data *info) {
  if (!null_is_default(info) || info->cainfo == NULL)
    return curl_easy_setopt(easy, peer->file, NULL);
#if LIBCURL_VERSION_NUM >= 0x074d00
  curl_sslbackend backend = tls_backend_of(easy);
  bool takes_list = backend == CURLSSLBACKEND_OPENSSL || backend == CURLSSLBACKEND_GNUTLS;
  const char *bundle = takes_list ? no_authority_list : no_authority_certificate;
  struct curl_blob blob = {(void *)bundle, strlen(bundle), CURL_BLOB_NOCOPY};
  return curl_easy_setopt(easy, peer->blob, &blob); /* takes precedence over the file */
#else
  return CURLE_NOT_BUILT_IN;
#endif
}

/* A folder that cannot hold certificates. TLS libraries that read all files of the folder may
   require one that exists: this one has no readable file. */
static const char *empty_folder(const curl_version_info_data *info) {
  return looks_up_by_hash(info) ? "/dev/null" : "/proc/self/ns";
}

static CURLcode set_no_folder(CURL *easy, const struct peer *peer,
                              const curl_version_info_data *info) {
  bool needs_one = null_is_default(info) && info->capath != NULL;
  CURLcode code = curl_easy_setopt(easy, peer->folder, needs_one ? empty_folder(info) : NULL);
  /* A TLS library without support for folders reads none. */
  return code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION ? CURLE_OK : code;
}

static CURLcode set_own(CURL *easy, const struct peer *peer, const char *file, const char *folder) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  CURLcode code =
      file != NULL ? curl_easy_setopt(easy, peer->file, file) : set_no_file(easy, peer, info);
  if (code != CURLE_OK)
    return code;
  return folder != NULL ? curl_easy_setopt(easy, peer->folder, folder)
                        : set_no_folder(easy, peer, info);
}

static CURLcode set_system(CURL *easy, const struct peer *peer) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  pthread_once(&folder_once, look_at_folder);
  if (folder_is_hashed) {
    CURLcode code = set_no_file(easy, peer, info);
    if (code == CURLE_NOT_BUILT_IN) /* the bundle is read as well */
      code = CURLE_OK;
    return code == CURLE_OK ? curl_easy_setopt(easy, peer->folder, info->capath) : code;
  }
  /* If libcurl has no bundle, the TLS library uses its default. */
  return info->cainfo == NULL ? CURLE_OK : curl_easy_setopt(easy, peer->folder, NULL);
}

static CURLcode set_peer(CURL *easy, const struct peer *peer, const char *file,
                         const char *folder) {
  CURLcode code =
      file != NULL || folder != NULL ? set_own(easy, peer, file, folder) : set_system(easy, peer);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, peer->verify_peer, 1L);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, peer->verify_host, 2L);
  return code;
}

CURLcode trust_set(CURL *easy, const char *file, const char *folder) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  CURLcode code = set_peer(easy, &server, file, folder);
  if (code == CURLE_OK && (info->features & CURL_VERSION_HTTPS_PROXY) != 0)
    code = set_peer(easy, &proxy, file, folder);
  return code;
}
