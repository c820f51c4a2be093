/* The two ways to send a request: client:call waits, client:start("call", ...) does not. Both take
   the same arguments. */
#ifndef MIC_BINDING_CALL_H
#define MIC_BINDING_CALL_H

#include "../core/base.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

/* Methods of the client. `callL_start` has the word "call" at index 2. */
int callL_wait(lua_State *L);
int callL_start(lua_State *L);
int callL_ready(lua_State *L);

MIC_PRIVATE_END
#endif
