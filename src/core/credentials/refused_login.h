/* Refused login: a digest of what was sent, when, and how often. */
#ifndef MIC_REFUSED_LOGIN_H
#define MIC_REFUSED_LOGIN_H

#include "../base.h"
#include "../text/sha256.h"

MIC_PRIVATE_BEGIN

enum { REFUSED_LOGINS_MAX = 4 };

struct refused_login {
  unsigned char digest[SHA256_SIZE];
  double at;    /* seconds since 1970 */
  double times; /* in a row; an integer from 1 */
};

/* Newest last. */
struct refused_logins {
  size_t count;
  struct refused_login list[REFUSED_LOGINS_MAX];
};

/* One part of the digested text. */
struct login_part {
  const char *bytes;
  size_t length;
};

/* A digest of the parts. It reveals nothing without all of them, and is slow to brute-force if only
   one is unknown. `place` is the salt. False if out of memory. */
bool login_digest(const char *place, const struct login_part *parts, size_t count,
                  unsigned char digest[SHA256_SIZE]);

MIC_PRIVATE_END
#endif
