/* Where a login or refresh goes, to recognise a call of the user's that goes to the same place. */
#ifndef MIC_AUTH_PLACE_H
#define MIC_AUTH_PLACE_H

#include "base.h"
#include "credentials/profile.h"
#include "text/buffer.h"
#include "text/url.h"

MIC_PRIVATE_BEGIN

struct auth_place {
  /* Path from the origin's root on, without query; empty: at another origin than the calls. May
     hold secrets. A value that is not known before the login is one AUTH_PLACE_ANY. */
  struct buffer path;
};

enum { AUTH_PLACE_ANY = 1 }; /* stands for at least one byte, none of them a slash */

/* `auth_base`: NULL if the request goes below `base`. `auth_url`: as it is written, or NULL. False
   if out of memory. */
bool auth_place_set(struct auth_place *place, const struct profile_request *request,
                    const struct login_values *values, const struct url_base *base,
                    const struct url_base *auth_base, const char *auth_url);
/* True if the URL of a call at the origin of `base` has this place. `path`: below `base`, with or
   without a query; NULL: `url` is the whole URL. */
bool auth_place_is(const struct auth_place *place, const struct url_base *base, const char *path,
                   size_t length, const char *url);
void auth_place_clear(struct auth_place *place);

MIC_PRIVATE_END
#endif
