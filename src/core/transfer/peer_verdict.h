/* Why the TLS library does not accept a peer's certificate. */
#ifndef MIC_PEER_VERDICT_H
#define MIC_PEER_VERDICT_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* PEER_UNKNOWN: another reason, or the TLS library does not tell. */
enum peer_verdict {
  PEER_UNKNOWN,
  PEER_PROXY, /* the proxy's certificate, for whatever reason */
  PEER_ANOTHER_NAME,
  PEER_EXPIRED,
  PEER_NOT_YET_VALID,
};

/* Call it on a handle that ended with CURLE_PEER_FAILED_VERIFICATION. */
enum peer_verdict peer_verdict_of(CURL *easy);

MIC_PRIVATE_END
#endif
