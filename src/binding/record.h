/* mic.record: a set of credentials on its way to or from a store. */
#ifndef MIC_BINDING_RECORD_H
#define MIC_BINDING_RECORD_H

#include "../core/credentials/record.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

struct record *recordL_push(lua_State *L); /* an empty one. [0, +1] */
/* Pushes a copy, which nothing else reaches: a finalizer that runs while Lua allocates may close
   the client, or swap its credentials. Taken after the allocation, so that it is of one moment. [0,
   +1] */
struct record *recordL_push_copy(lua_State *L, const struct record *from);
struct record *recordL_test(lua_State *L, int index); /* NULL when it is none */
/* core.record(bytes) -> record | nil, kind, code, message */
int recordL_from_bytes(lua_State *L);
void recordL_open(lua_State *L);

MIC_PRIVATE_END
#endif
