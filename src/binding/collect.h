/* The client's methods about who waits for its exchanges. */
#ifndef MIC_BINDING_COLLECT_H
#define MIC_BINDING_COLLECT_H

#include "../core/base.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

extern const luaL_Reg clientL_waiting_methods[];

MIC_PRIVATE_END
#endif
