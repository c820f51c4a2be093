/* Reads `iat` and `exp` from a JWT as a hint when to refresh. It verifies NOTHING: not the
   signature, not the issuer. Nothing may be allowed or refused because of what it returns. */
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

/* False when the token is no JWT with a readable payload. base64url with or without padding.
   Only finite numbers in 0..2^53 count; others as if absent. */
bool jwt_read_times(const char *token, size_t length, struct jwt_times *times);

MIC_PRIVATE_END
#endif
