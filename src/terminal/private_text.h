/* A small text file that only its owner may read: the configuration. */
#ifndef MIC_TERMINAL_PRIVATE_TEXT_H
#define MIC_TERMINAL_PRIVATE_TEXT_H

#include <lua.h>

#include "../core/base.h"

MIC_PRIVATE_BEGIN

/* Tells whether others can read or write a file.
   ---@param path string
   ---@return string? problem nil: it is a regular file of ours alone; "missing", "no file",
   "owner", "readable" or the system's message */
int private_textL_problem(lua_State *L);

/* Replaces a file, whole or not at all; folders that are missing are made, for their owner alone.
   ---@param path string
   ---@param text string
   ---@return true? ok, or nil and the system's message */
int private_textL_write(lua_State *L);

MIC_PRIVATE_END

#endif
