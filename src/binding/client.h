/* mic.client: the client object of mic.core. */
#ifndef MIC_BINDING_CLIENT_H
#define MIC_BINDING_CLIENT_H

#include "../core/base.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

/* core.client(config) -> client */
int clientL_new(lua_State *L);
void clientL_open(lua_State *L);

MIC_PRIVATE_END
#endif
