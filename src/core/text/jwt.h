/* Reads `iat` and `exp` of a JWT, as a hint when to refresh. Does NOT verify the signature or the
   issuer, so never base a decision about access on the result. */
#ifndef MIC_JWT_H
#define MIC_JWT_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct jwt_times {
  bool has_issued;
  bool has_expires;
  double issued;  /* seconds since 1970 */
  double expires; /* seconds since 1970 */
};

/* False if the token is not a JWT with a readable payload. Accepts base64url with or without
   padding. Only numbers in 0..2^53 count; a claim with another value counts as absent. */
bool jwt_read_times(const char *token, size_t length, struct jwt_times *times);

MIC_PRIVATE_END
#endif
