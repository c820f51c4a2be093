#include "../base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "words.h"

const char *failure_kind_name(enum failure_kind kind) {
  switch (kind) {
  case FAILURE_MISSING:
    return "missing";
  case FAILURE_STALE:
    return "stale";
  case FAILURE_TLS:
    return "tls";
  case FAILURE_TIMEOUT:
    return "timeout";
  case FAILURE_TOO_LARGE:
    return "too_large";
  case FAILURE_STORE:
    return "store";
  case FAILURE_FILE:
    return "file";
  case FAILURE_CANCELLED:
    return "cancelled";
  case FAILURE_CLOSED:
    return "closed";
  case FAILURE_NONE:
  case FAILURE_NETWORK:
    break;
  }
  return "network";
}

void failure_set(struct failure *failure, enum failure_kind kind, const char *code,
                 const char *message) {
  failure->kind = kind;
  failure->code = code;
  failure->hint = NULL;
  snprintf(failure->message, sizeof failure->message, "%s", message);
}

/* ---- the codes of libcurl and of the system ---- */

#if LIBCURL_VERSION_NUM >= 0x074d00
#define SINCE_7_77(ROW)                                                                            \
  ROW(CURLE_SSL_CLIENTCERT, FAILURE_TLS, "the server requires a client certificate")
#else
#define SINCE_7_77(ROW)
#endif
#if LIBCURL_VERSION_NUM >= 0x080600
#define SINCE_8_6(ROW)                                                                             \
  ROW(CURLE_TOO_LARGE, FAILURE_TOO_LARGE, "the response headers are larger than libcurl allows")
#else
#define SINCE_8_6(ROW)
#endif

#define FAILURES_OF_LIBCURL(ROW)                                                                   \
  ROW(CURLE_UNSUPPORTED_PROTOCOL, FAILURE_NETWORK, "this protocol is not allowed")                 \
  ROW(CURLE_URL_MALFORMAT, FAILURE_NETWORK, "the URL is not valid")                                \
  ROW(CURLE_NOT_BUILT_IN, FAILURE_TLS,                                                             \
      "this libcurl was built without support for an option that is set")                          \
  ROW(CURLE_UNKNOWN_OPTION, FAILURE_TLS, "this libcurl is too old for an option that is set")      \
  ROW(CURLE_COULDNT_RESOLVE_PROXY, FAILURE_NETWORK, "the proxy's name could not be resolved")      \
  ROW(CURLE_COULDNT_RESOLVE_HOST, FAILURE_NETWORK, "the host name could not be resolved")          \
  ROW(CURLE_COULDNT_CONNECT, FAILURE_NETWORK, "could not connect")                                 \
  ROW(CURLE_HTTP2, FAILURE_NETWORK, "the server violated the HTTP/2 protocol")                     \
  ROW(CURLE_HTTP2_STREAM, FAILURE_NETWORK, "the server reset the HTTP/2 stream")                   \
  ROW(CURLE_PARTIAL_FILE, FAILURE_NETWORK, "the connection ended before the end of the response")  \
  ROW(CURLE_OPERATION_TIMEDOUT, FAILURE_TIMEOUT, "no complete response within the time limit")     \
  ROW(CURLE_GOT_NOTHING, FAILURE_NETWORK, "the server closed the connection without a response")   \
  ROW(CURLE_SEND_ERROR, FAILURE_NETWORK, "the connection broke while sending")                     \
  ROW(CURLE_RECV_ERROR, FAILURE_NETWORK, "the connection broke while receiving")                   \
  ROW(CURLE_WEIRD_SERVER_REPLY, FAILURE_NETWORK, "the response is not HTTP")                       \
  ROW(CURLE_BAD_CONTENT_ENCODING, FAILURE_NETWORK, "the compressed response is invalid")           \
  ROW(CURLE_WRITE_ERROR, FAILURE_NETWORK, "the response could not be stored")                      \
  ROW(CURLE_PROXY, FAILURE_NETWORK, "the proxy refused")                                           \
  ROW(CURLE_SSL_CONNECT_ERROR, FAILURE_TLS, "the TLS handshake failed")                            \
  ROW(CURLE_PEER_FAILED_VERIFICATION, FAILURE_TLS,                                                 \
      "the server's certificate could not be verified")                                            \
  ROW(CURLE_SSL_CACERT_BADFILE, FAILURE_TLS, "the CA file or folder cannot be read")               \
  ROW(CURLE_SSL_CERTPROBLEM, FAILURE_TLS, "the client certificate cannot be used")                 \
  ROW(CURLE_SSL_CIPHER, FAILURE_TLS, "no TLS cipher in common")                                    \
  ROW(CURLE_SSL_ISSUER_ERROR, FAILURE_TLS, "the certificate's issuer does not match")              \
  ROW(CURLE_SSL_PINNEDPUBKEYNOTMATCH, FAILURE_TLS,                                                 \
      "the server's key does not match tls.pinned_public_key")                                     \
  ROW(CURLE_SSL_INVALIDCERTSTATUS, FAILURE_TLS, "the certificate's status is not valid")           \
  ROW(CURLE_SSL_ENGINE_NOTFOUND, FAILURE_TLS, "the TLS engine was not found")                      \
  ROW(CURLE_SSL_CRL_BADFILE, FAILURE_TLS, "the certificate revocation list cannot be read")        \
  SINCE_7_77(ROW) SINCE_8_6(ROW) ROW(CURLE_OUT_OF_MEMORY, FAILURE_NETWORK, "out of memory")

#define FAILURES_OF_SYSTEM(ROW)                                                                    \
  ROW(EACCES, FAILURE_FILE, "permission denied")                                                   \
  ROW(EPERM, FAILURE_FILE, "not permitted")                                                        \
  ROW(ENOENT, FAILURE_FILE, "no such file or folder")                                              \
  ROW(ENOTDIR, FAILURE_FILE, "a part of the path is not a folder")                                 \
  ROW(EISDIR, FAILURE_FILE, "it is a folder")                                                      \
  ROW(EINVAL, FAILURE_FILE, "it is not a regular file")                                            \
  ROW(EROFS, FAILURE_FILE, "the file system is read-only")                                         \
  ROW(ENOSPC, FAILURE_FILE, "no space left on the device")                                         \
  ROW(EDQUOT, FAILURE_FILE, "the disk quota is used up")                                           \
  ROW(EFBIG, FAILURE_FILE, "the file is too large for the file system")                            \
  ROW(EIO, FAILURE_FILE, "input/output error")                                                     \
  ROW(EMFILE, FAILURE_FILE, "too many open files in this process")                                 \
  ROW(ENFILE, FAILURE_FILE, "too many open files in the system")                                   \
  ROW(ENAMETOOLONG, FAILURE_FILE, "the name is too long")                                          \
  ROW(ELOOP, FAILURE_FILE, "too many symbolic links")                                              \
  ROW(ENODATA, FAILURE_FILE, "the file became shorter while it was sent")                          \
  ROW(ENOMEM, FAILURE_FILE, "out of memory")                                                       \
  ROW(EEXIST, FAILURE_FILE, "it already exists")                                                   \
  ROW(EBUSY, FAILURE_FILE, "it is a mount point")                                                  \
  ROW(ENOLCK, FAILURE_FILE, "the file system does not support locks")                              \
  ROW(ESTALE, FAILURE_FILE, "stale file handle of a network file system")

struct row {
  unsigned short code;
  unsigned char kind; /* failure_kind */
};

/* The symbolic name and the message of each row are two words of a text. */
#define CODE(code, kind, message) {code, kind},
#define TEXT(code, kind, message) #code "\0" message "\0"

static const struct row rows_of_libcurl[] = {FAILURES_OF_LIBCURL(CODE)};
static const char texts_of_libcurl[] = FAILURES_OF_LIBCURL(TEXT);
static const struct row rows_of_system[] = {FAILURES_OF_SYSTEM(CODE)};
static const char texts_of_system[] = FAILURES_OF_SYSTEM(TEXT);

/* The row of a code, and the name in it; NULL if no row has the code. */
static const char *find(const struct row **row, const char *texts, int code) {
  for (; *texts != '\0'; texts = word_after(word_after(texts)), ++*row)
    if ((*row)->code == code)
      return texts;
  return NULL;
}

void failure_set_curl(struct failure *failure, CURLcode code) {
  const struct row *row = rows_of_libcurl;
  if (code == CURLE_BAD_FUNCTION_ARGUMENT) /* of some versions, for an unreadable key */
    code = CURLE_SSL_CERTPROBLEM;
  const char *name = find(&row, texts_of_libcurl, (int)code);
  if (name != NULL) {
    failure_set(failure, (enum failure_kind)row->kind, name, word_after(name));
    return;
  }
  failure_set(failure, FAILURE_NETWORK, "CURLE_OTHER", "");
  snprintf(failure->message, sizeof failure->message, "the transfer failed (libcurl code %d)",
           (int)code);
}

void failure_set_errno(struct failure *failure, const char *name, int error) {
  const struct row *row = rows_of_system;
  const char *code = find(&row, texts_of_system, error);
  char unknown[32];
  snprintf(unknown, sizeof unknown, "system error %d", error);
  failure_set(failure, FAILURE_FILE, code == NULL ? "EOTHER" : code, "");
  snprintf(failure->message, sizeof failure->message, "%s%s%s", name == NULL ? "" : name,
           name == NULL ? "" : ": ", code == NULL ? unknown : word_after(code));
}
