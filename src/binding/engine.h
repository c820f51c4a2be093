/* mic.engine: the thread that runs exchanges while the program does other things. */
#ifndef MIC_BINDING_ENGINE_H
#define MIC_BINDING_ENGINE_H

#include "../core/engine/engine.h"
#include "exchange.h"

MIC_PRIVATE_BEGIN

/* core.engine(options) -> engine */
int engineL_get(lua_State *L);
struct engine *engineL_check(lua_State *L, int index);
/* The client shall keep the engine alive; both at positive indices. [0, 0] */
void engineL_keep(lua_State *L, int client, int engine);
/* What the field `engine` of a table holds, or NULL; kept alive by the metatable of the table at
   the top. [0, 0] */
struct engine *engineL_option(lua_State *L, int table);
/* Makes the exchange at the top known for collect, if it is with an engine. [0, 0] */
void engineL_know(lua_State *L, struct exchange_box *box);
void engineL_open(lua_State *L);

MIC_PRIVATE_END
#endif
