#include "../core/base.h"

#include <string.h>

#include "record.h"

static const char TYPE[] = "mic.record";

struct record *recordL_push(lua_State *L) {
  struct record *record = argumentsL_new_block(L, sizeof *record);
  argumentsL_set_type(L, TYPE);
  return record;
}

struct record *recordL_push_copy(lua_State *L, const struct record *from) {
  struct record *copy = recordL_push(L);
  if (!record_copy(copy, from))
    argumentsL_raise_memory(L);
  return copy;
}

struct record *recordL_test(lua_State *L, int index) {
  return compatL_testudata(L, index, TYPE);
}

/* Parses the bytes of record:bytes().
   ---@param bytes string
   ---@return mic.record? record nil if the bytes are damaged or of a newer version
   ---@return string? kind "store"
   ---@return string? code "ENOTSUP" for a newer version
   ---@return string? message */
int recordL_from_bytes(lua_State *L) {
  size_t length = 0;
  const char *bytes = luaL_checklstring(L, 1, &length);
  struct record *record = recordL_push(L);
  struct failure failure = {0};
  switch (record_read(record, bytes, length)) {
  case RECORD_READ:
    return 1;
  case RECORD_NO_MEMORY:
    return argumentsL_raise_memory(L);
  case RECORD_NEWER:
    failure_set(&failure, FAILURE_STORE, "ENOTSUP",
                "the saved credentials are of a newer version of lua-mic");
    break;
  case RECORD_DAMAGED:
    failure_set(&failure, FAILURE_STORE, NULL, "the saved credentials are damaged");
    break;
  }
  return argumentsL_push_failure(L, &failure);
}

/* The time before which no process should refresh.
   ---@return number seconds since 1970; 0: none
   ---@return number failures in a row that led to it; 0: none */
static int record_retry_at(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  lua_pushnumber(L, record->retry_at);
  lua_pushnumber(L, record->failures);
  return 2;
}

/* A copy with another such time.
   ---@param seconds number since 1970; 0: none
   ---@param failures? number in a row that led to it, by default 1; 255 is kept for more
   ---@return mic.record copy */
static int record_with_retry_at(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  double seconds = argumentsL_number(L, 2);
  luaL_argcheck(L, seconds >= 0.0 && seconds <= 9007199254740992.0, 2,
                "seconds since 1970 expected");
  double failures = argumentsL_optional_number(L, 3, 1.0);
  luaL_argcheck(L, failures >= 1.0, 3, "1 or more failures expected");
  struct record *copy = recordL_push_copy(L, record);
  copy->retry_at = seconds;
  copy->failures = 0;
  if (seconds > 0.0)
    copy->failures = (unsigned char)(failures < MIC_FAILURES_MAX ? failures : MIC_FAILURES_MAX);
  return 1;
}

/* ---@return boolean true if there are credentials; false: only refusals */
static int record_is_login(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  lua_pushboolean(L, record_has_login(record));
  return 1;
}

/* Pushes a list of { digest, at, times }, or nil if there are none. [0, +1] */
static void push_refusals(lua_State *L, const struct refused_logins *refusals) {
  if (refusals->count == 0) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, (int)refusals->count, 0);
  for (size_t i = 0; i < refusals->count; i++) {
    const struct refused_login *refusal = &refusals->list[i];
    lua_createtable(L, 0, 3);
    lua_pushlstring(L, (const char *)refusal->digest, sizeof refusal->digest);
    lua_setfield(L, -2, "digest");
    lua_pushnumber(L, refusal->at);
    lua_setfield(L, -2, "at");
    lua_pushnumber(L, refusal->times);
    lua_setfield(L, -2, "times");
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* Reads the refusal at the top. Leaves its digest on the stack. [0, +1] */
static void read_refusal(lua_State *L, struct refused_login *refusal) {
  size_t length = 0;
  luaL_checktype(L, -1, LUA_TTABLE);
  int table = lua_gettop(L);
  const char *digest = argumentsL_required_string(L, table, "digest", &length);
  if (length != sizeof refusal->digest)
    argumentsL_raise(L, "digest must have %d bytes", (int)sizeof refusal->digest);
  memcpy(refusal->digest, digest, sizeof refusal->digest);
  refusal->at = argumentsL_positive(L, table, "at", 0.0);
  refusal->times = argumentsL_positive(L, table, "times", 1.0);
  if (refusal->at > MIC_TIME_MAX || refusal->times < 1.0 || refusal->times > MIC_TIME_MAX)
    argumentsL_raise(L, "at or times is too large for a record");
}

/* Reads a list of refusals, at most the last ones that fit. Nil: none. Leaves up to
   REFUSED_LOGINS_MAX values on the stack. */
static void read_refusals(lua_State *L, int index, struct refused_logins *refusals) {
  memset(refusals, 0, sizeof *refusals);
  if (lua_isnoneornil(L, index))
    return;
  luaL_checktype(L, index, LUA_TTABLE);
  size_t length = compat_rawlen(L, index);
  size_t first = length > REFUSED_LOGINS_MAX ? length - REFUSED_LOGINS_MAX : 0;
  for (size_t i = first; i < length; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    read_refusal(L, &refusals->list[i - first]);
    lua_pop(L, 1);
  }
  refusals->count = length - first;
}

/* The logins that the API refused lately, newest last.
   ---@return table[]? refusals digest, at (seconds since 1970), times (in a row); nil if none */
static int record_refused(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  push_refusals(L, &record->refusals);
  return 1;
}

/* A copy with other refusals.
   ---@param refusals? table[] as from `refused`; only the last four are kept
   ---@return mic.record copy */
static int record_with_refused(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  struct refused_logins refusals;
  lua_settop(L, 2);
  read_refusals(L, 2, &refusals);
  struct record *copy = recordL_push(L);
  if (!record_copy(copy, record))
    return argumentsL_raise_memory(L);
  copy->refusals = refusals;
  return 1;
}

/* The record as opaque bytes, for a store written in Lua. They contain the secrets.
   ---@return string bytes */
static int record_bytes(lua_State *L) {
  struct record *record = luaL_checkudata(L, 1, TYPE);
  struct buffer *bytes = argumentsL_new_buffer(L, MIC_RECORD_MAX, true);
  if (record_write(record, bytes) != BUFFER_OK)
    return argumentsL_raise_memory(L);
  lua_pushlstring(L, bytes->data, bytes->length);
  buffer_free(bytes);
  return 1;
}

/* True if two records have the same token.
   ---@param other mic.record
   ---@return boolean */
static int record_same(lua_State *L) {
  const struct record *record = luaL_checkudata(L, 1, TYPE);
  const struct record *other = luaL_checkudata(L, 2, TYPE);
  lua_pushboolean(L, secret_equal(&record->token, &other->token));
  return 1;
}

static int record_release(lua_State *L) {
  struct record *record = recordL_test(L, 1);
  if (record != NULL)
    record_clear(record);
  return 0;
}

void recordL_open(lua_State *L) {
  static const struct method methods[] = {{"bytes", record_bytes},
                                          {"same", record_same},
                                          {"retry_at", record_retry_at},
                                          {"with_retry_at", record_with_retry_at},
                                          {"is_login", record_is_login},
                                          {"refused", record_refused},
                                          {"with_refused", record_with_refused},
                                          {"", NULL}};
  argumentsL_new_type(L, TYPE, methods, record_release, NULL);
}
