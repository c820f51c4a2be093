/* mic.record: a credential record on its way to or from a store. */
#ifndef MIC_BINDING_RECORD_H
#define MIC_BINDING_RECORD_H

#include "../core/credentials/record.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

struct record *recordL_push(lua_State *L); /* an empty record. [0, +1] */
/* Pushes a copy, which no other code can reach: a finalizer that runs during the allocation may
   close the client or replace its credentials. Copies after the allocation, so that the copy is
   consistent. [0, +1] */
struct record *recordL_push_copy(lua_State *L, const struct record *from);
struct record *recordL_test(lua_State *L, int index); /* or NULL */
/* core.record(bytes) -> record | nil, kind, code, message */
int recordL_from_bytes(lua_State *L);
void recordL_open(lua_State *L);

MIC_PRIVATE_END
#endif
