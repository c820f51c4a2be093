/* Parses the reply of a login or refresh: copies the secrets out and masks them in the body with
   asterisks, before the body is used elsewhere. */
#ifndef MIC_AUTH_REPLY_H
#define MIC_AUTH_REPLY_H

#include "../base.h"
#include "../text/secret.h"
#include "../text/secret_finder.h"
#include "profile.h"

MIC_PRIVATE_BEGIN

enum absorb_status {
  ABSORB_OK,
  ABSORB_UNREADABLE, /* not JSON, or nested too deeply: do not show the body */
  ABSORB_MISSING,    /* no token; the body may be shown */
  ABSORB_ODD,        /* a member is not a valid credential; the body may be shown */
  ABSORB_NO_MEMORY   /* do not show the body */
};

/* Members that were absent, null or empty are unset. The struct owns all of them. */
struct auth_reply {
  struct secret members[PROFILE_MEMBERS]; /* that of the expiry is the text of a number or date: see
                                             token_time.h */
  char problem[160];                      /* unless ABSORB_OK: what was wrong, without any value */
};

/* Scans body[0..length) and fills `reply`, which must be zeroed. Masks in the body every string in
   a member that has the name of the token, of the refresh token or of another usual secret, at any
   depth, and every copy of the new secrets. Unless ABSORB_OK, only `problem` of `reply` is set. */
enum absorb_status auth_reply_absorb(const struct profile *profile, char *body, size_t length,
                                     struct auth_reply *reply);
/* Masks the same members, in a reply without credentials. */
void auth_reply_mask_members(const struct profile *profile, char *body, size_t length);
/* Masks the secrets in every string and number of a JSON text. Secrets shorter than four bytes
   match only a whole string. `mask` must have room for the text. On ABSORB_UNREADABLE do not show
   the body. */
enum absorb_status auth_reply_mask(char *body, size_t length, struct mask *mask);
void auth_reply_clear(struct auth_reply *reply);

MIC_PRIVATE_END
#endif
