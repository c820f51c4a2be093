#include "../base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"

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

/* `text` is the symbolic name, a NUL and the message: one pointer, which the dynamic linker has to
   adjust, instead of two. */
struct curl_failure {
  CURLcode value;
  enum failure_kind kind;
  const char *text;
};

#define ROW(code, kind, message)                                                                   \
  { code, kind, #code "\0" message }

static const char *message_of(const char *text) {
  return text + strlen(text) + 1;
}

static const struct curl_failure curl_failures[] = {
    ROW(CURLE_UNSUPPORTED_PROTOCOL, FAILURE_NETWORK, "this protocol is not allowed here"),
    ROW(CURLE_URL_MALFORMAT, FAILURE_NETWORK, "the URL cannot be read"),
    ROW(CURLE_NOT_BUILT_IN, FAILURE_TLS, "this libcurl was built without what an option asks for"),
    ROW(CURLE_UNKNOWN_OPTION, FAILURE_TLS, "this libcurl is too old for what an option asks for"),
    ROW(CURLE_COULDNT_RESOLVE_PROXY, FAILURE_NETWORK, "the proxy's name could not be resolved"),
    ROW(CURLE_COULDNT_RESOLVE_HOST, FAILURE_NETWORK, "the host name could not be resolved"),
    ROW(CURLE_COULDNT_CONNECT, FAILURE_NETWORK, "could not connect"),
    ROW(CURLE_HTTP2, FAILURE_NETWORK, "the server broke the rules of HTTP/2"),
    ROW(CURLE_HTTP2_STREAM, FAILURE_NETWORK, "the server reset the HTTP/2 stream"),
    ROW(CURLE_PARTIAL_FILE, FAILURE_NETWORK, "the connection ended in the middle of the answer"),
    ROW(CURLE_OPERATION_TIMEDOUT, FAILURE_TIMEOUT, "no complete answer within the time allowed"),
    ROW(CURLE_GOT_NOTHING, FAILURE_NETWORK, "the server closed the connection without an answer"),
    ROW(CURLE_SEND_ERROR, FAILURE_NETWORK, "the connection broke while sending"),
    ROW(CURLE_RECV_ERROR, FAILURE_NETWORK, "the connection broke while receiving"),
    ROW(CURLE_WEIRD_SERVER_REPLY, FAILURE_NETWORK, "the answer is not HTTP"),
    ROW(CURLE_BAD_CONTENT_ENCODING, FAILURE_NETWORK, "the answer's compression is broken"),
    ROW(CURLE_WRITE_ERROR, FAILURE_NETWORK, "the answer could not be kept"),
    ROW(CURLE_PROXY, FAILURE_NETWORK, "the proxy refused"),
    ROW(CURLE_SSL_CONNECT_ERROR, FAILURE_TLS, "the TLS handshake failed"),
    ROW(CURLE_PEER_FAILED_VERIFICATION, FAILURE_TLS,
        "the server's certificate could not be verified"),
    ROW(CURLE_SSL_CACERT_BADFILE, FAILURE_TLS, "the CA file or folder cannot be read"),
    ROW(CURLE_SSL_CERTPROBLEM, FAILURE_TLS, "the client certificate cannot be used"),
    ROW(CURLE_SSL_CIPHER, FAILURE_TLS, "no TLS cipher in common"),
    ROW(CURLE_SSL_ISSUER_ERROR, FAILURE_TLS, "the certificate's issuer does not match"),
    ROW(CURLE_SSL_PINNEDPUBKEYNOTMATCH, FAILURE_TLS, "the server's key is not the pinned one"),
    ROW(CURLE_SSL_INVALIDCERTSTATUS, FAILURE_TLS, "the certificate's status is not valid"),
    ROW(CURLE_SSL_ENGINE_NOTFOUND, FAILURE_TLS, "the TLS engine is not there"),
    ROW(CURLE_SSL_CRL_BADFILE, FAILURE_TLS, "the list of revoked certificates cannot be read"),
#if LIBCURL_VERSION_NUM >= 0x074d00
    ROW(CURLE_SSL_CLIENTCERT, FAILURE_TLS, "the server wants a client certificate"),
#endif
#if LIBCURL_VERSION_NUM >= 0x080600
    ROW(CURLE_TOO_LARGE, FAILURE_TOO_LARGE, "the answer's headers are larger than libcurl allows"),
#endif
    /* Some versions return this for an unreadable key. */
    {CURLE_BAD_FUNCTION_ARGUMENT, FAILURE_TLS,
     "CURLE_SSL_CERTPROBLEM\0the client certificate cannot be used"},
    ROW(CURLE_OUT_OF_MEMORY, FAILURE_NETWORK, "out of memory"),
};

void failure_set_curl(struct failure *failure, CURLcode code) {
  for (size_t i = 0; i < sizeof curl_failures / sizeof curl_failures[0]; i++) {
    const struct curl_failure *row = &curl_failures[i];
    if (row->value == code) {
      failure_set(failure, row->kind, row->text, message_of(row->text));
      return;
    }
  }
  failure_set(failure, FAILURE_NETWORK, "CURLE_OTHER", "");
  snprintf(failure->message, sizeof failure->message, "the transfer failed (libcurl code %d)",
           (int)code);
}

struct errno_failure {
  int value;
  const char *text;
};

#define ERROR(code, message)                                                                       \
  { code, #code "\0" message }

static const struct errno_failure errno_failures[] = {
    ERROR(EACCES, "permission denied"),
    ERROR(EPERM, "not permitted"),
    ERROR(ENOENT, "no such file or folder"),
    ERROR(ENOTDIR, "a part of the path is no folder"),
    ERROR(EISDIR, "it is a folder"),
    ERROR(EINVAL, "it is no regular file"),
    ERROR(EROFS, "the file system is read-only"),
    ERROR(ENOSPC, "no space left on the device"),
    ERROR(EDQUOT, "the disk quota is used up"),
    ERROR(EFBIG, "the file is too large for the file system"),
    ERROR(EIO, "the device has an error"),
    ERROR(EMFILE, "too many open files in this process"),
    ERROR(ENFILE, "too many open files in the system"),
    ERROR(ENAMETOOLONG, "the name is too long"),
    ERROR(ELOOP, "too many symbolic links"),
    ERROR(ENODATA, "the file became shorter while it was sent"),
    ERROR(ENOMEM, "out of memory"),
    ERROR(EEXIST, "it is there already"),
    ERROR(EBUSY, "it is a mount point"),
    ERROR(ENOLCK, "the file system gives no locks"),
    ERROR(ESTALE, "the file is gone from its server"),
};

void failure_set_errno(struct failure *failure, const char *name, int error) {
  const char *code = "EOTHER", *message = NULL;
  for (size_t i = 0; i < sizeof errno_failures / sizeof errno_failures[0]; i++) {
    if (errno_failures[i].value == error) {
      code = errno_failures[i].text;
      message = message_of(code);
    }
  }
  char unknown[32];
  snprintf(unknown, sizeof unknown, "system error %d", error);
  failure_set(failure, FAILURE_FILE, code, "");
  snprintf(failure->message, sizeof failure->message, "%s%s%s", name == NULL ? "" : name,
           name == NULL ? "" : ": ", message == NULL ? unknown : message);
}
