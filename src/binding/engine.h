/* mic.engine: the background thread that runs exchanges. */
#ifndef MIC_BINDING_ENGINE_H
#define MIC_BINDING_ENGINE_H

#include "../core/engine/engine.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

/* core.engine(options) -> engine */
int engineL_get(lua_State *L);
struct engine *engineL_check(lua_State *L, int index);
/* Makes the client keep the engine alive; both at positive indices. [0, 0] */
void engineL_keep(lua_State *L, int client, int engine);
/* The field `engine` of a table, or NULL. The metatable of the table at the top keeps it alive. [0,
   0] */
struct engine *engineL_option(lua_State *L, int table);
/* Registers the exchange at the top for collect, if an engine runs it. [0, 0] */
void engineL_register(lua_State *L, struct exchange_box *box);
void engineL_open(lua_State *L);

MIC_PRIVATE_END
#endif
