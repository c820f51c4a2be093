#include "../core/base.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "../core/text/url.h"
#include "../core/text/words.h"
#include "arguments.h"

static const char BUFFER_TYPE[] = "mic.buffer";

int argumentsL_raise(lua_State *L, const char *format, ...) {
  va_list values;
  va_start(values, format);
  lua_pushvfstring(L, format, values);
  va_end(values);
  return lua_error(L);
}

int argumentsL_raise_memory(lua_State *L) {
  return argumentsL_raise(L, "not enough memory");
}

int argumentsL_raise_url(lua_State *L, const char *name, const char *problem) {
  if (problem == url_no_memory)
    return argumentsL_raise_memory(L);
  return argumentsL_raise(L, "%s %s", name, problem);
}

int argumentsL_choice(lua_State *L, int index, const char *words) {
  const char *text = luaL_checkstring(L, index);
  int choice = 0;
  for (; *words != '\0'; words = word_after(words), choice++)
    if (strcmp(text, words) == 0)
      return choice;
  return luaL_argerror(L, index, lua_pushfstring(L, "invalid option '%s'", text));
}

int argumentsL_field(lua_State *L, int table, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  return lua_type(L, -1);
}

const char *argumentsL_hold_string(lua_State *L, int table, const char *name, size_t *length) {
  int type = argumentsL_field(L, table, name);
  const char *text = NULL;
  *length = 0;
  if (type == LUA_TSTRING)
    text = lua_tolstring(L, -1, length);
  else if (type != LUA_TNIL)
    argumentsL_raise(L, "%s must be a string (got %s)", name, lua_typename(L, type));
  return text;
}

const char *argumentsL_string(lua_State *L, int table, const char *name, size_t *length) {
  const char *text = argumentsL_hold_string(L, table, name, length);
  lua_pop(L, 1);
  return text;
}

const char *argumentsL_required_string(lua_State *L, int table, const char *name, size_t *length) {
  const char *text = argumentsL_hold_string(L, table, name, length);
  if (text == NULL)
    argumentsL_raise(L, "%s is required: a string", name);
  return text;
}

double argumentsL_positive(lua_State *L, int table, const char *name, double fallback) {
  int type = argumentsL_field(L, table, name);
  double value = fallback;
  if (type == LUA_TNUMBER)
    value = lua_tonumber(L, -1);
  else if (type != LUA_TNIL)
    argumentsL_raise(L, "%s must be a number (got %s)", name, lua_typename(L, type));
  if (type == LUA_TNUMBER && !(value > 0.0 && isfinite(value)))
    argumentsL_raise(L, "%s must be a positive number", name);
  lua_pop(L, 1);
  return value;
}

size_t argumentsL_count(lua_State *L, int table, const char *name, double fallback) {
  double value = argumentsL_positive(L, table, name, fallback);
  if (value > 0.0 && value < 1.0)
    return 1;
  return value < (double)SIZE_MAX ? (size_t)value : SIZE_MAX;
}

double argumentsL_number(lua_State *L, int index) {
  double value = luaL_checknumber(L, index);
  luaL_argcheck(L, !isnan(value), index, "number expected, got NaN");
  return value;
}

double argumentsL_optional_number(lua_State *L, int index, double fallback) {
  return lua_isnoneornil(L, index) ? fallback : argumentsL_number(L, index);
}

bool argumentsL_boolean(lua_State *L, int table, const char *name) {
  argumentsL_field(L, table, name);
  bool value = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return value;
}

void argumentsL_push_shown(lua_State *L, const char *text, size_t length) {
  char shown[60];
  size_t size = length < sizeof shown ? length : sizeof shown;
  for (size_t i = 0; i < size; i++)
    shown[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
  lua_pushlstring(L, shown, size);
}

int argumentsL_push_failure(lua_State *L, const struct failure *failure) {
  lua_pushnil(L);
  lua_pushstring(L, failure_kind_name(failure->kind));
  if (failure->code != NULL)
    lua_pushstring(L, failure->code);
  else
    lua_pushnil(L);
  lua_pushstring(L, failure->message);
  return 4;
}

static int show_type(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

void argumentsL_new_type(lua_State *L, const char *name, const struct method *methods,
                         lua_CFunction release, lua_CFunction to_string) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, release);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, release);
  lua_setfield(L, -2, "__close");
  lua_pushstring(L, name);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__name");
  lua_pushcclosure(L, to_string != NULL ? to_string : show_type, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  compatL_set_methods(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void argumentsL_set_close(lua_State *L, const char *name, lua_CFunction close) {
  luaL_getmetatable(L, name);
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}

void *argumentsL_new_block(lua_State *L, size_t size) {
  void *block = lua_newuserdata(L, size);
  memset(block, 0, size);
  return block;
}

void argumentsL_set_type(lua_State *L, const char *name) {
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}

void argumentsL_push_weak(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* ---- buffer that is freed if a function raises ---- */

static int buffer_release(lua_State *L) {
  struct buffer *buffer = compatL_testudata(L, 1, BUFFER_TYPE);
  if (buffer != NULL)
    buffer_free(buffer);
  return 0;
}

struct buffer *argumentsL_new_buffer(lua_State *L, size_t limit, bool secret) {
  struct buffer *buffer = argumentsL_new_block(L, sizeof *buffer);
  buffer_init(buffer, limit, secret);
  argumentsL_set_type(L, BUFFER_TYPE);
  return buffer;
}

void argumentsL_open_buffer(lua_State *L) {
  static const struct method none[] = {{"", NULL}};
  argumentsL_new_type(L, BUFFER_TYPE, none, buffer_release, NULL);
}
