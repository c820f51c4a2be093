/* Methods of mic.client for refused logins: their digest, and a record without credentials. */
#ifndef MIC_LOGIN_DIGEST_H
#define MIC_LOGIN_DIGEST_H

#include "lua_compat.h"

MIC_PRIVATE_BEGIN

extern const struct method clientL_digest_methods[];

MIC_PRIVATE_END
#endif
