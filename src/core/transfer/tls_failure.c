#include "../base.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tls_backend.h"
#include "tls_failure.h"

enum { SHOWN_PATH_MAX = 160 };

static bool is_code(const struct failure *failure, const char *code) {
  return failure->code != NULL && strcmp(failure->code, code) == 0;
}

/* Sets the message to: tls.ca_file "/path": reason. The code stays. */
static void blame(struct failure *failure, const char *option, const char *path,
                  const char *reason) {
  size_t length = strlen(path);
  bool cut = length > SHOWN_PATH_MAX;
  snprintf(failure->message, sizeof failure->message, "%s \"%.*s%s\": %s", option,
           cut ? SHOWN_PATH_MAX : (int)length, path, cut ? "..." : "", reason);
}

static void blame_errno(struct failure *failure, const char *option, const char *path, int error) {
  struct failure system;
  char reason[128];
  failure_set_errno(&system, NULL, error);
  snprintf(reason, sizeof reason, "%.100s (%.16s)", system.message, system.code);
  blame(failure, option, path, reason);
}

/* True if a line of the file starts with `begin`. errno is set if the file cannot be read. */
static bool has_line(FILE *file, const char *begin) {
  char line[256];
  bool at_start = true, found = false;
  errno = 0;
  while (!found && fgets(line, sizeof line, file) != NULL) {
    found = at_start && strncmp(line, begin, strlen(begin)) == 0;
    at_start = strchr(line, '\n') != NULL;
  }
  return found;
}

/* True if the file is the cause. */
static bool blame_file(struct failure *failure, const char *option, const char *path,
                       const char *wanted) {
  if (path == NULL)
    return false;
  FILE *file = fopen(path, "re");
  int error = file == NULL ? errno : 0;
  bool found = file != NULL && has_line(file, wanted);
  if (file != NULL && !found)
    error = errno;
  if (file != NULL)
    fclose(file);
  if (error != 0)
    blame_errno(failure, option, path, error);
  else if (!found)
    blame(failure, option, path, "not PEM: it has no line \"-----BEGIN …\" of that kind");
  return error != 0 || !found;
}

static void blame_folder(struct failure *failure, const char *option, const char *path) {
  DIR *folder = path == NULL ? NULL : opendir(path);
  if (folder != NULL)
    closedir(folder);
  else if (path != NULL)
    blame_errno(failure, option, path, errno);
}

/* To GnuTLS a bundle without certificates is an empty one. */
static void blame_authorities(const struct connection_options *options, struct failure *failure) {
  const char *name = options->ca_file_name != NULL ? options->ca_file_name : "tls.ca_file";
  if (blame_file(failure, name, options->ca_file, "-----BEGIN "))
    failure->code = "CURLE_SSL_CACERT_BADFILE";
  else
    blame_folder(failure, "tls.ca_path", options->ca_path);
}

/* Detects both PEM formats of encrypted keys. */
static bool is_locked(const char *path) {
  FILE *file = fopen(path, "re");
  bool locked = file != NULL && has_line(file, "-----BEGIN ENCRYPTED ");
  if (file != NULL && !locked) {
    rewind(file);
    locked = has_line(file, "Proc-Type: 4,ENCRYPTED");
  }
  if (file != NULL)
    fclose(file);
  return locked;
}

/* The file of the key, and its option. */
static const char *key_of(const struct connection_options *options, const char **option) {
  bool apart = options->client_key != NULL;
  *option = apart ? "tls.client_key" : "tls.client_cert";
  return apart ? options->client_key : options->client_cert;
}

/* True if a file of the client certificate is the cause for certain. */
static bool blame_client_files(const struct connection_options *options, struct failure *failure) {
  const char *option = NULL;
  const char *key = key_of(options, &option);
  if (blame_file(failure, "tls.client_cert", options->client_cert, "-----BEGIN ") ||
      blame_file(failure, "tls.client_key", options->client_key, "-----BEGIN "))
    return true;
  bool locked = key != NULL && is_locked(key);
  if (locked)
    blame(failure, option, key, "the key is encrypted, and a passphrase is not supported");
  return locked;
}

static void blame_client_certificate(const struct connection_options *options,
                                     struct failure *failure) {
  if (!blame_client_files(options, failure) && options->client_cert != NULL)
    blame(failure, "tls.client_cert", options->client_cert,
          "the certificate and its key cannot be used together");
}

/* GnuTLS and wolfSSL do not tell an unusable client certificate from a failed handshake. */
static void blame_handshake(const struct connection_options *options, struct failure *failure) {
  if (options->client_cert == NULL || tls_library_is_openssl(curl_version_info(CURLVERSION_NOW)))
    return;
  if (blame_client_files(options, failure))
    failure->code = "CURLE_SSL_CERTPROBLEM";
  else
    blame(failure, "tls.client_cert", options->client_cert,
          "the certificate and its key cannot be used together, or the TLS handshake failed");
}

/* A pin is a digest, or the path of a file. */
static void blame_pin(const struct connection_options *options, struct failure *failure) {
  const char *pin = options->pinned_public_key;
  if (pin != NULL && strncmp(pin, "sha256//", 8) != 0) {
    FILE *file = fopen(pin, "re");
    if (file == NULL)
      blame_errno(failure, "tls.pinned_public_key", pin, errno);
    else
      fclose(file);
  }
}

static bool is_empty_folder(const char *path) {
  DIR *folder = path == NULL ? NULL : opendir(path);
  bool empty = true;
  if (folder == NULL)
    return true;
  for (const struct dirent *entry = readdir(folder); entry != NULL && empty;
       entry = readdir(folder))
    empty = entry->d_name[0] == '.';
  closedir(folder);
  return empty;
}

/* If libcurl has no default path, the TLS library may have one. */
static bool has_no_authorities(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  struct stat facts;
  bool known = info->cainfo != NULL || info->capath != NULL;
  bool has_file = info->cainfo != NULL && stat(info->cainfo, &facts) == 0 && facts.st_size > 0;
  return known && !has_file && is_empty_folder(info->capath);
}

static void blame_library(struct failure *failure) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  snprintf(failure->message, sizeof failure->message,
           "this libcurl's TLS library, %s, does not support an option that is set",
           info->ssl_version == NULL ? "none" : info->ssl_version);
}

void tls_failure_explain(const struct connection_options *options, struct failure *failure) {
  if (failure->kind != FAILURE_TLS)
    return;
  if (is_code(failure, "CURLE_NOT_BUILT_IN") || is_code(failure, "CURLE_UNKNOWN_OPTION")) {
    blame_library(failure);
  } else if (is_code(failure, "CURLE_SSL_CERTPROBLEM")) {
    blame_client_certificate(options, failure);
  } else if (is_code(failure, "CURLE_SSL_CONNECT_ERROR")) {
    blame_handshake(options, failure);
  } else if (is_code(failure, "CURLE_SSL_PINNEDPUBKEYNOTMATCH")) {
    blame_pin(options, failure);
  } else if (is_code(failure, "CURLE_SSL_CACERT_BADFILE") ||
             is_code(failure, "CURLE_PEER_FAILED_VERIFICATION")) {
    bool named = options->ca_file != NULL || options->ca_path != NULL;
    if (named)
      blame_authorities(options, failure);
    else if (has_no_authorities())
      snprintf(failure->message, sizeof failure->message,
               "this system has no certificate authorities, and none are set: install the "
               "package ca-certificates");
  }
}
