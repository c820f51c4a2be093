/* Reads arguments and creates userdata types. Used by all files of the binding. */
#ifndef MIC_ARGUMENTS_H
#define MIC_ARGUMENTS_H

#include "../core/base.h"
#include "../core/text/buffer.h"
#include "../core/text/failure.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

/* Raises misuse as a plain text: the Lua layer adds the position in the user's code. Never
   returns. */
int argumentsL_raise(lua_State *L, const char *format, ...);
/* Raises the error of Lua itself for a lack of memory. */
int argumentsL_raise_memory(lua_State *L);
/* Raises `problem`, from a function of url.h, about `name`. */
int argumentsL_raise_url(lua_State *L, const char *name, const char *problem);
/* The place of an argument among these words (see words.h), from 0 on. Raises if it is not one. */
int argumentsL_choice(lua_State *L, int index, const char *words);
/* Read a field of a table at a positive index, without metamethods. Nil gives the default; any
   other wrong type raises `NAME must be …`. The table owns the string, and a finalizer may change
   the table: use it before anything else is pushed. */
const char *argumentsL_string(lua_State *L, int table, const char *name, size_t *length);
/* The same, but leaves the string (or nil) on the stack, which keeps it alive. [0, +1] */
const char *argumentsL_hold_string(lua_State *L, int table, const char *name, size_t *length);
const char *argumentsL_required_string(lua_State *L, int table, const char *name, size_t *length);
double argumentsL_positive(lua_State *L, int table, const char *name, double fallback);
bool argumentsL_boolean(lua_State *L, int table, const char *name);
/* The same as a count. A fraction below 1 becomes 1; capped at SIZE_MAX. */
size_t argumentsL_count(lua_State *L, int table, const char *name, double fallback);
/* A number argument. Raises for NaN, which would pass range checks. */
double argumentsL_number(lua_State *L, int index);
double argumentsL_optional_number(lua_State *L, int index, double fallback);
/* Pushes the field, without metamethods, and returns its type. [0, +1] */
int argumentsL_field(lua_State *L, int table, const char *name);

/* Pushes a caller's text for a message: truncated, control characters replaced. [0, +1] */
void argumentsL_push_shown(lua_State *L, const char *text, size_t length);
/* Pushes nil, kind, code (or nil), message; returns 4. */
int argumentsL_push_failure(lua_State *L, const struct failure *failure);
/* Registers a type: methods as __index, `release` as __gc and __close; `to_string` NULL: the name
   as
   __tostring. [0, 0] */
void argumentsL_new_type(lua_State *L, const char *name, const struct method *methods,
                         lua_CFunction release, lua_CFunction to_string);
/* Sets another function as __close, for a type whose content a method may be pushing: only __gc
   proves that none is. [0, 0] */
void argumentsL_set_close(lua_State *L, const char *name, lua_CFunction close);
/* A zeroed userdata without metatable. Call argumentsL_set_type once the fields are valid. [0,
   +1] */
void *argumentsL_new_block(lua_State *L, size_t size);
void argumentsL_set_type(lua_State *L, const char *name);
/* A table with weak values and a metatable of its own. [0, +1] */
void argumentsL_push_weak(lua_State *L);
/* A buffer freed with its userdata, for bytes held over calls that may raise. [0, +1] */
struct buffer *argumentsL_new_buffer(lua_State *L, size_t limit, bool secret);
void argumentsL_open_buffer(lua_State *L);

MIC_PRIVATE_END
#endif
