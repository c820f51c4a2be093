/* A question at the terminal. */
#ifndef MIC_TERMINAL_ASK_H
#define MIC_TERMINAL_ASK_H

#include <lua.h>

#include "../core/base.h"

MIC_PRIVATE_BEGIN

/* Asks at /dev/tty, whatever standard input is.
   ---@param prompt string
   ---@param is_hidden? boolean what is typed is not shown
   ---@return string? text, or nil and "no terminal", "end", "interrupted" or "too long" */
int askL_line(lua_State *L);

MIC_PRIVATE_END

#endif
