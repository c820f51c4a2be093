/* Why the TLS library does not accept a peer's certificate. */
#ifndef MIC_PEER_VERDICT_H
#define MIC_PEER_VERDICT_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* PEER_UNKNOWN: another reason. PEER_UNTOLD: libcurl tells no reason with this TLS library. */
enum peer_verdict {
  PEER_UNKNOWN,
  PEER_UNTOLD,
  PEER_PROXY, /* the proxy's certificate, for whatever reason */
  PEER_ANOTHER_NAME,
  PEER_EXPIRED,
  PEER_NOT_YET_VALID,
};

/* True for the codes of a peer whose certificate was not accepted. */
bool peer_is_unverified(CURL *easy, CURLcode code);
/* Call it on a handle that ended so. */
enum peer_verdict peer_verdict_of(CURL *easy);

MIC_PRIVATE_END
#endif
