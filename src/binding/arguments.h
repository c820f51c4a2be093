/* Reading arguments and making userdata types, for all files of the binding. */
#ifndef MIC_ARGUMENTS_H
#define MIC_ARGUMENTS_H

#include "../core/base.h"
#include "../core/text/buffer.h"
#include "../core/text/failure.h"
#include "lua_compat.h"

MIC_PRIVATE_BEGIN

/* Raises misuse as a plain text: the Lua layer adds the place in the user's code. Returns never. */
int argumentsL_raise(lua_State *L, const char *format, ...);
/* Raises as Lua itself does when memory has ended. */
int argumentsL_raise_memory(lua_State *L);
/* Raises what one of url.h's functions says is wrong with `name`. */
int argumentsL_raise_url(lua_State *L, const char *name, const char *problem);
/* Fields of a table at a positive index, read raw. Nil gives the default; another wrong type raises
   `NAME must be …`. The strings are the table's, which a finalizer can change: to be used before
   anything else is pushed. */
const char *argumentsL_string(lua_State *L, int table, const char *name, size_t *length);
/* The same, which stays at the top and lives as long as it is there; nil where it is NULL. [0, +1]
 */
const char *argumentsL_hold_string(lua_State *L, int table, const char *name, size_t *length);
const char *argumentsL_required_string(lua_State *L, int table, const char *name, size_t *length);
double argumentsL_positive(lua_State *L, int table, const char *name, double fallback);
bool argumentsL_boolean(lua_State *L, int table, const char *name);
/* The same as a count of bytes or things: at least 1, and no more than fits. */
size_t argumentsL_count(lua_State *L, int table, const char *name, double fallback);
/* A number among the arguments; raises for NaN, which no comparison refuses. */
double argumentsL_number(lua_State *L, int index);
double argumentsL_optional_number(lua_State *L, int index, double fallback);
/* Pushes the raw field and returns its type. [0, +1] */
int argumentsL_field(lua_State *L, int table, const char *name);

/* Pushes a caller's text for a message: cut, and without what would break its line. [0, +1] */
void argumentsL_push_shown(lua_State *L, const char *text, size_t length);
/* Pushes nil, kind, code (or nil), message; returns 4. */
int argumentsL_push_failure(lua_State *L, const struct failure *failure);
/* Registers a type: methods as __index, one release function for __gc and __close. [0, 0] */
void argumentsL_new_type(lua_State *L, const char *name, const luaL_Reg *methods,
                         lua_CFunction release, lua_CFunction to_string);
/* Another function for __close, of a type whose content a method may be pushing: only __gc knows
   that none is. [0, 0] */
void argumentsL_set_close(lua_State *L, const char *name, lua_CFunction close);
/* A zeroed block without metatable: set it (argumentsL_set_type) once the fields are right. */
void *argumentsL_new_block(lua_State *L, size_t size);
void argumentsL_set_type(lua_State *L, const char *name);
/* A table that keeps no value alive; its metatable is its own. [0, +1] */
void argumentsL_push_weak(lua_State *L);
/* A buffer that is released with its userdata, for bytes held over calls that may raise. [0, +1] */
struct buffer *argumentsL_new_buffer(lua_State *L, size_t limit, bool secret);
void argumentsL_open_buffer(lua_State *L);

MIC_PRIVATE_END
#endif
