/* Methods of mic.client for non-blocking exchanges: start, collect, hand over to an engine. */
#ifndef MIC_BINDING_COLLECT_H
#define MIC_BINDING_COLLECT_H

#include "../core/base.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

extern const struct method clientL_waiting_methods[];

MIC_PRIVATE_END
#endif
