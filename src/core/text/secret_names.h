/* Names that usually belong to a secret. Debug lines do not show such values. */
#ifndef MIC_SECRET_NAMES_H
#define MIC_SECRET_NAMES_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* True for names of members such as password, refreshToken, client_secret, code. */
bool secret_names_member(const char *name, size_t length);
/* True for names of headers such as Authorization, Set-Cookie, X-Api-Key. */
bool secret_names_header(const char *name, size_t length);

MIC_PRIVATE_END
#endif
