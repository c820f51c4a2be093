/* A failure without an answer, as data: kind, symbolic code, one sentence. Has a fixed size, so
   that reporting needs no memory. Never contains a secret. */
#ifndef MIC_FAILURE_H
#define MIC_FAILURE_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

enum failure_kind {
  FAILURE_NONE,
  FAILURE_MISSING, /* no credentials; nothing was sent */
  FAILURE_STALE,   /* the token is expired or refused; nothing was sent */
  FAILURE_NETWORK,
  FAILURE_TLS,
  FAILURE_TIMEOUT,
  FAILURE_TOO_LARGE,
  FAILURE_STORE,
  FAILURE_FILE,
  FAILURE_CANCELLED,
  FAILURE_CLOSED
};

struct failure {
  enum failure_kind kind;
  const char *code; /* static; or NULL */
  const char *hint; /* static; or NULL */
  char message[320];
};

const char *failure_kind_name(enum failure_kind kind);
void failure_set(struct failure *failure, enum failure_kind kind, const char *code,
                 const char *message);
/* Sets a FAILURE_FILE from errno, like "save_to: permission denied" for the option `name`. NULL: no
   name. */
void failure_set_errno(struct failure *failure, const char *name, int error);
/* Sets the failure of a libcurl result other than CURLE_OK. The text is ours, because small builds
   of libcurl have none. */
void failure_set_curl(struct failure *failure, CURLcode code);

MIC_PRIVATE_END
#endif
