/* Methods of mic.client for credentials. */
#ifndef MIC_BINDING_CREDENTIALS_H
#define MIC_BINDING_CREDENTIALS_H

#include "../core/api_client.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

extern const struct method clientL_credential_methods[];
void clientL_push_is_fresh(lua_State *L);
/* Adopts a copy of `record`. False if out of memory. */
bool client_adopt_copy(struct api_client *client, const struct record *record);

MIC_PRIVATE_END
#endif
