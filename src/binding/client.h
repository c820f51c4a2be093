/* mic.client: the complete client of mic.core. */
#ifndef MIC_BINDING_CLIENT_H
#define MIC_BINDING_CLIENT_H

#include "../core/api_client.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

extern const char clientL_type[];

/* core.client(config) -> client */
int clientL_new(lua_State *L);
struct api_client *clientL_check(lua_State *L, int index);
/* The methods that are about credentials; in credentials.c of the binding. */
extern const luaL_Reg clientL_credential_methods[];
/* Those about who waits; in collect.c. */
extern const luaL_Reg clientL_waiting_methods[];
/* Adopts a copy of `record`; false when there is no memory. */
bool client_adopt_copy(struct api_client *client, const struct record *record);
void clientL_open(lua_State *L);

MIC_PRIVATE_END
#endif
