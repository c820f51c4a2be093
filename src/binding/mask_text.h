/* client:mask(text, record, limit): masks secrets in a text. */
#ifndef MIC_MASK_TEXT_H
#define MIC_MASK_TEXT_H

#include "lua_compat.h"

MIC_PRIVATE_BEGIN

int clientL_mask(lua_State *L);

MIC_PRIVATE_END
#endif
