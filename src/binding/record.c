#include "../core/base.h"

#include "record.h"

static const char TYPE[] = "mic.record";

struct record *recordL_push(lua_State *L) {
  struct record *record = argumentsL_new_block(L, sizeof *record);
  argumentsL_set_type(L, TYPE);
  return record;
}

struct record *recordL_test(lua_State *L, int index) {
  return compatL_testudata(L, index, TYPE);
}

/* Reads what record:bytes() made.
   ---@param bytes string
   ---@return mic.record? record nil when the bytes are damaged or of an unknown version
   ---@return string? kind "store", and after it code (nil) and message */
int recordL_from_bytes(lua_State *L) {
  size_t length = 0;
  const char *bytes = luaL_checklstring(L, 1, &length);
  struct record *record = recordL_push(L);
  enum record_status status = record_read(record, bytes, length);
  if (status == RECORD_NO_MEMORY)
    return argumentsL_raise_memory(L);
  if (status == RECORD_OK)
    return 1;
  struct failure failure = {0};
  failure_set(&failure, FAILURE_STORE, NULL,
              "the saved credentials are damaged or of an unknown version");
  return argumentsL_push_failure(L, &failure);
}

/* The opaque, versioned bytes for a store that lives in Lua. They hold the secrets.
   ---@return string bytes */
static int record_bytes(lua_State *L) {
  struct record *record = luaL_checkudata(L, 1, TYPE);
  struct buffer *bytes = argumentsL_new_buffer(L, 8 * MIC_SECRET_MAX, true);
  if (record_write(record, bytes) != BUFFER_OK)
    return argumentsL_raise_memory(L);
  lua_pushlstring(L, bytes->data, bytes->length);
  buffer_free(bytes);
  return 1;
}

static int record_release(lua_State *L) {
  struct record *record = recordL_test(L, 1);
  if (record != NULL)
    record_clear(record);
  return 0;
}

static int record_to_string(lua_State *L) {
  lua_pushstring(L, TYPE);
  return 1;
}

void recordL_open(lua_State *L) {
  const luaL_Reg methods[] = {{"bytes", record_bytes}, {NULL, NULL}};
  argumentsL_new_type(L, TYPE, methods, record_release, record_to_string);
}
