/* Functions of mic.core that need no client: clocks, random numbers, checks, parsing. */
#ifndef MIC_BINDING_SYSTEM_H
#define MIC_BINDING_SYSTEM_H

#include "arguments.h"

MIC_PRIVATE_BEGIN

extern const struct method systemL_functions[]; /* now wall sleep random features */
extern const struct method textL_functions[];   /* checks of texts, parse_headers, parse_date */
int textL_parse_headers(lua_State *L);
int integersL(lua_State *L); /* core.integers */

MIC_PRIVATE_END
#endif
