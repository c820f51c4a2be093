/* A login that the API has refused, as it is remembered: when, how often, and of what was sent a
   digest alone. */
#ifndef MIC_REFUSED_LOGIN_H
#define MIC_REFUSED_LOGIN_H

#include "../base.h"
#include "../text/sha256.h"

MIC_PRIVATE_BEGIN

enum { REFUSED_LOGINS_MAX = 4 };

struct refused_login {
  unsigned char digest[SHA256_SIZE];
  double at;    /* seconds since 1970 */
  double times; /* in a row; whole, from 1 */
};

/* The newest last. */
struct refused_logins {
  size_t count;
  struct refused_login list[REFUSED_LOGINS_MAX];
};

/* One part of what is digested. */
struct login_part {
  const char *bytes;
  size_t length;
};

/* A digest of the parts that says nothing of them to whoever has not got them all, and is slow to
   guess for who has all but one. `place` tells the same parts elsewhere apart. False when there is
   no memory. */
bool login_digest(const char *place, const struct login_part *parts, size_t count,
                  unsigned char digest[SHA256_SIZE]);

MIC_PRIVATE_END
#endif
