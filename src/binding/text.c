/* Validates texts to send and parses received ones, for Lua. */
#include "../core/base.h"

#include <curl/curl.h>
#include <string.h>

#include "../core/api_client.h"
#include "../core/text/ascii.h"
#include "../core/text/header.h"
#include "../core/text/json_scan.h"
#include "../core/text/secret_names.h"
#include "../core/text/url_path.h"
#include "system.h"

/* Checks whether a path may be joined to a base URL.
   ---@param path string
   ---@return true? ok
   ---@return string? message what is wrong */
static int core_check_path(lua_State *L) {
  size_t length = 0;
  const char *path = luaL_checklstring(L, 1, &length);
  const char *problem = url_path_problem(path, length);
  if (problem == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "path %s", problem);
  return 2;
}

/* True if a param has a segment "." or "..", between "/" or "\", also before ";": as it is, or
   percent-decoded once or twice.
   ---@param text string
   ---@return boolean */
static int core_has_dot_part(lua_State *L) {
  size_t length = 0;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_pushboolean(L, url_has_dot_part(text, length, URL_PARAM_DECODED));
  return 1;
}

/* Length in bytes of the UTF-8 character at `at`; 0 if it is invalid. */
static size_t utf8_length(const unsigned char *at, size_t left) {
  size_t length = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
  if (length == 0 || at[0] > 0xF4 || length > left)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xC0) != 0x80)
      return 0;
  bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
  bool surrogate = at[0] == 0xED && at[1] > 0x9F;
  bool too_high = at[0] == 0xF4 && at[1] > 0x8F;
  return overlong || surrogate || too_high ? 0 : length;
}

/* True for the name of a member that usually holds a secret, such as refreshToken.
   ---@param name string
   ---@return boolean */
static int core_names_secret(lua_State *L) {
  size_t length = 0;
  const char *name = luaL_checklstring(L, 1, &length);
  lua_pushboolean(L, secret_names_member(name, length));
  return 1;
}

/* Finds the first byte that is not valid UTF-8.
   ---@param text string
   ---@return integer? position of that byte; nil if the text is valid */
static int core_utf8_problem(lua_State *L) {
  size_t length = 0, at = 0, step = 1;
  const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 1, &length);
  while (at < length && step > 0) {
    step = utf8_length(text + at, length - at);
    at += step;
  }
  if (at == length)
    return 0;
  compatL_push_whole(L, (double)at + 1.0);
  return 1;
}

/* Checks whether the caller may set this header.
   ---@param name string
   ---@param value string
   ---@return true? ok
   ---@return string? message what is wrong, without the value */
static int core_check_header(lua_State *L) {
  size_t name_length = 0, value_length = 0;
  const char *name = luaL_checklstring(L, 1, &name_length);
  const char *value = luaL_checklstring(L, 2, &value_length);
  const char *problem = header_problem(name, name_length, value, value_length);
  if (problem == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  argumentsL_push_shown(L, name, name_length);
  lua_pushfstring(L, "header \"%s\" %s", lua_tostring(L, -1), problem);
  lua_remove(L, -2);
  return 2;
}

static int push_letters(lua_State *L, char (*turn)(char)) {
  size_t length = 0;
  const char *text = luaL_checklstring(L, 1, &length);
  char *turned = lua_newuserdata(L, length + 1);
  for (size_t i = 0; i < length; i++)
    turned[i] = turn(text[i]);
  lua_pushlstring(L, turned, length);
  return 1;
}

/* A digest of a text.
   ---@param text string
   ---@return string bytes 16 */
static int core_digest(lua_State *L) {
  static const char salt[] = "lua-mic";
  size_t length = 0;
  unsigned char digest[SHA256_SIZE];
  const char *text = luaL_checklstring(L, 1, &length);
  sha256_stretch(text, length, salt, sizeof salt - 1, 1, digest);
  lua_pushlstring(L, (const char *)digest, sizeof digest / 2);
  return 1;
}

/* Like string.lower, but for A to Z only: string.lower depends on the locale, and in Turkish the
   lower case of I is not i.
   ---@param text string
   ---@return string */
static int core_lower(lua_State *L) {
  return push_letters(L, ascii_lower);
}

/* Like string.upper, but for a to z only.
   ---@param text string
   ---@return string upper */
static int core_upper(lua_State *L) {
  return push_letters(L, ascii_upper);
}

/* Pushes the name in lower case, truncated to the buffer. [0, +1] */
static void push_lower(lua_State *L, const struct header_field *field) {
  char lower[256];
  size_t length = field->name_length < sizeof lower ? field->name_length : sizeof lower;
  for (size_t i = 0; i < length; i++)
    lower[i] = ascii_lower(field->name[i]);
  lua_pushlstring(L, lower, length);
}

/* Adds one field to the tables at `joined` and `all`. True if its name is repeated. [0, 0] */
static bool add_field(lua_State *L, int joined, int all, const struct header_field *field) {
  push_lower(L, field);
  lua_pushvalue(L, -1);
  lua_rawget(L, all);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, all);
  }
  size_t before = compat_rawlen(L, -1);
  lua_pushlstring(L, field->value, field->value_length);
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, (int)before + 1);
  if (before == 0) {
    lua_pushvalue(L, -3); /* the name */
    lua_insert(L, -2);
    lua_rawset(L, joined);
  } else {
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
  return before > 0;
}

/* Pushes the values of a name, joined. The list is at the top. [0, +1] */
static void push_joined(lua_State *L, int count) {
  struct buffer *text = argumentsL_new_buffer(L, SIZE_MAX, false);
  for (int i = 1; i <= count; i++) {
    size_t length = 0;
    lua_rawgeti(L, -2, i);
    const char *value = lua_tolstring(L, -1, &length);
    buffer_append(text, ", ", i > 1 ? 2 : 0);
    buffer_append(text, value, length);
    lua_pop(L, 1);
  }
  if (text->failed)
    argumentsL_raise_memory(L);
  lua_pushlstring(L, text->data, text->length);
  lua_remove(L, -2);
}

/* Joins the values of repeated names, all at the end: one by one would take quadratic time. [0,
   0] */
static void join_repeated(lua_State *L, int joined, int all) {
  lua_pushnil(L);
  while (lua_next(L, all) != 0) {
    int count = (int)compat_rawlen(L, -1);
    if (count > 1) {
      push_joined(L, count);
      lua_pushvalue(L, -3);
      lua_insert(L, -2);
      lua_rawset(L, joined);
    }
    lua_pop(L, 1);
  }
}

/* Parses a block of header fields.
   ---@param head string as received, with its status line
   ---@return table<string, string> joined by lower-case name; repeated ones joined by ", "
   ---@return table<string, string[]> all by lower-case name */
int textL_parse_headers(lua_State *L) {
  size_t length = 0, offset = 0;
  const char *head = luaL_checklstring(L, 1, &length);
  struct header_field field;
  lua_settop(L, 1);
  lua_newtable(L);
  lua_newtable(L);
  bool repeated = false;
  while (header_next(head, length, &offset, &field))
    repeated = add_field(L, 2, 3, &field) || repeated;
  if (repeated)
    join_repeated(L, 2, 3);
  return 2;
}

/* True if a decoder creates at most this many values from a text.
   ---@param text string JSON
   ---@param most number
   ---@return boolean also false for invalid JSON that may have more */
static int core_has_at_most(lua_State *L) {
  size_t length = 0;
  const char *text = luaL_checklstring(L, 1, &length);
  double most = argumentsL_number(L, 2);
  luaL_argcheck(L, most >= 0.0 && most <= MIC_TIME_MAX, 2, "a count expected");
  lua_pushboolean(L, json_has_at_most(text, length, (size_t)most));
  return 1;
}

/* Parses a date of HTTP.
   ---@param text string
   ---@return number? seconds since 1970; nil if it is not a date */
static int core_parse_date(lua_State *L) {
  time_t date = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (date < 0)
    return 0;
  lua_pushnumber(L, (lua_Number)date);
  return 1;
}

const struct method textL_functions[] = {{"digest", core_digest},
                                         {"lower", core_lower},
                                         {"upper", core_upper},
                                         {"check_path", core_check_path},
                                         {"has_dot_part", core_has_dot_part},
                                         {"utf8_problem", core_utf8_problem},
                                         {"names_secret", core_names_secret},
                                         {"check_header", core_check_header},
                                         {"parse_headers", textL_parse_headers},
                                         {"parse_date", core_parse_date},
                                         {"has_at_most", core_has_at_most},
                                         {"", NULL}};
