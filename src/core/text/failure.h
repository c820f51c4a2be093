/* Why an exchange ended without an answer, as data: kind, symbolic code, one sentence. Fixed size,
   so that reporting needs no memory; never holds a secret. */
#ifndef MIC_FAILURE_H
#define MIC_FAILURE_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

enum failure_kind {
  FAILURE_NONE,
  FAILURE_MISSING, /* no credentials; nothing was sent */
  FAILURE_STALE,   /* the credentials may not be used; nothing was sent */
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
  const char *code; /* static; NULL when there is none */
  const char *hint; /* likewise: what to look at */
  char message[320];
};

const char *failure_kind_name(enum failure_kind kind);
void failure_set(struct failure *failure, enum failure_kind kind, const char *code,
                 const char *message);
/* From errno, for a file of the caller's: "save_to: permission denied" for the option `name`;
   without it where that is NULL. */
void failure_set_errno(struct failure *failure, const char *name, int error);
/* From a libcurl result that is not CURLE_OK. The sentence is ours: small builds have no texts. */
void failure_set_curl(struct failure *failure, CURLcode code);

MIC_PRIVATE_END
#endif
