/* Signals of the command: the first one interrupts the script, which cleans up; the second one ends
   the process at once. */
#ifndef MIC_TERMINAL_SIGNALS_H
#define MIC_TERMINAL_SIGNALS_H

#include <lua.h>

#include "../core/base.h"

MIC_PRIVATE_BEGIN

/* Calls a function like pcall. A signal that would end the process raises an error in it.
   ---@param task function
   ---@param ... any its arguments
   ---@return boolean ok
   ---@return any ... results, or what was raised */
int signalsL_guard(lua_State *L);

/* Waits until there is something to read, at most for some seconds; negative: without end. False if
   there is not, or a signal has come: none comes unnoticed between check and wait. */
bool signals_wait_for_input(int descriptor, double seconds);

/* ---@return integer? number of the signal that came; nil if none has */
int signalsL_caught(lua_State *L);

/* Ends the process by this signal, as if there were no handler. ---@param number integer */
int signalsL_end(lua_State *L);

MIC_PRIVATE_END

#endif
