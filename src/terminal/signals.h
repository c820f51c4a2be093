/* Signals of the command: the first one interrupts the script, which cleans up; the second one ends
   the process at once. */
#ifndef MIC_TERMINAL_SIGNALS_H
#define MIC_TERMINAL_SIGNALS_H

#include <lua.h>

#include "../core/base.h"

MIC_PRIVATE_BEGIN

/* Installs the handlers. ---@return nil */
int signalsL_install(lua_State *L);

/* ---@return integer? number of the signal that came; nil if none has */
int signalsL_caught(lua_State *L);

/* Ends the process by this signal, as if there were no handler. ---@param number integer */
int signalsL_end(lua_State *L);

MIC_PRIVATE_END

#endif
