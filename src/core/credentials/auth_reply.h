/* The reply to our own login or refresh: the secrets are copied out, their bytes in the body
   become '*' before anybody else sees it. */
#ifndef MIC_AUTH_REPLY_H
#define MIC_AUTH_REPLY_H

#include "../base.h"
#include "../text/mask.h"
#include "../text/secret.h"
#include "profile.h"

MIC_PRIVATE_BEGIN

enum absorb_status {
  ABSORB_OK,
  ABSORB_UNREADABLE, /* not JSON, or nested too deeply: do not show the body */
  ABSORB_MISSING,    /* no token in it; the body may be shown */
  ABSORB_ODD,        /* a member that no credential can be; the body may be shown */
  ABSORB_NO_MEMORY   /* do not show the body */
};

/* Members that were absent, null or empty are not set. All are owned by whoever owns the struct. */
struct auth_reply {
  struct secret identity;
  struct secret token;
  struct secret refresh_token;
  char problem[96]; /* for everything but ABSORB_OK: what was wrong, no value in it */
};

/* Scans body[0..length) and fills `reply` (which must be zeroed). Every string in a member with the
   name of the token or the refresh token, wherever it stands, is masked in the body, and so is
   every copy of the new secrets. On anything but ABSORB_OK nothing in `reply` is set but the
   problem. */
enum absorb_status auth_reply_absorb(const struct api_profile *profile, char *body, size_t length,
                                     struct auth_reply *reply);
/* Masks the secrets in every string and number of the JSON text; those shorter than four bytes only
   where they are the whole string. `mask` has room for the text. On ABSORB_UNREADABLE do not show
   the body. */
enum absorb_status auth_reply_mask(char *body, size_t length, struct mask *mask);
void auth_reply_clear(struct auth_reply *reply);

MIC_PRIVATE_END
#endif
