/* Reads the profile of an API, a table, into a client. */
#ifndef MIC_BINDING_PROFILE_H
#define MIC_BINDING_PROFILE_H

#include "../core/api_client.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

/* Reads `values`, `secrets`, `client_id`, `client_secret`, `auth_url` and `profile` of the
   configuration at a positive index. Without a profile the client sends no credentials. The base
   URL is set. Raises for what is not valid, with field and place. [0, 0] */
void profileL_read(lua_State *L, int config, struct api_client *client);

MIC_PRIVATE_END
#endif
