#include "../core/base.h"

#include <string.h>

#include "packed_answer.h"
#include "system.h"

/* Follows head and URL in the string. */
struct trailer {
  struct exchange_timings timings;
  size_t head_length;
  long http_version;
  bool new_connection;
  /* Last: LuaJIT's string hash reads at most four places, the last four bytes among them. Strings
     that are equal there would collide. */
  unsigned number;
};

const char packed_answerL_type[] = "mic.reply";

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

const char *packed_answer_version(long version) {
  switch (version) {
  case CURL_HTTP_VERSION_1_0:
    return "1.0";
  case CURL_HTTP_VERSION_2_0:
    return "2";
  case CURL_HTTP_VERSION_3:
    return "3";
  default:
    return "1.1";
  }
}

void packed_answerL_push_timings(lua_State *L, const struct exchange_timings *timings) {
  lua_createtable(L, 0, 5);
  set_number(L, "name_lookup", timings->name_lookup);
  set_number(L, "connect", timings->connect);
  set_number(L, "tls", timings->tls);
  set_number(L, "first_byte", timings->first_byte);
  set_number(L, "total", timings->total);
}

bool packed_answer_pack(struct exchange *exchange) {
  struct trailer trailer;
  memset(&trailer, 0, sizeof trailer); /* the padding, too */
  trailer.timings = exchange->timings;
  trailer.head_length = exchange->head.length;
  trailer.http_version = exchange->http_version;
  trailer.new_connection = exchange->new_connection;
  trailer.number = (unsigned)exchange->number; /* may wrap: adjacent ones still differ */
  exchange->head.limit += exchange->shown_url_length + sizeof trailer;
  return buffer_append(&exchange->head, exchange->url_text.data, exchange->shown_url_length) ==
             BUFFER_OK &&
         buffer_append(&exchange->head, &trailer, sizeof trailer) == BUFFER_OK;
}

/* core.unpack_answer(packed)
   ---@param packed string of `call`
   ---@return string head
   ---@return string url
   ---@return string http_version
   ---@return boolean new_connection
   ---@return table timings in seconds */
int packed_answerL_unpack(lua_State *L) {
  size_t length = 0;
  struct trailer trailer;
  const char *bytes = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length >= sizeof trailer, 1, "not a packed answer");
  size_t end = length - sizeof trailer;
  memcpy(&trailer, bytes + end, sizeof trailer);
  luaL_argcheck(L, trailer.head_length <= end, 1, "not a packed answer");
  lua_pushlstring(L, bytes, trailer.head_length);
  lua_pushlstring(L, bytes + trailer.head_length, end - trailer.head_length);
  lua_pushstring(L, packed_answer_version(trailer.http_version));
  lua_pushboolean(L, trailer.new_connection);
  packed_answerL_push_timings(L, &trailer.timings);
  return 5;
}

/* __index of a reply: parses `headers` at first use. */
static int reply_index(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "headers") != 0)
    return 0;
  lua_pushliteral(L, "head");
  lua_rawget(L, 1);
  if (lua_type(L, -1) != LUA_TSTRING)
    return 0;
  lua_pushcfunction(L, textL_parse_headers);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

void packed_answerL_open(lua_State *L) {
  luaL_newmetatable(L, packed_answerL_type);
  lua_pushcfunction(L, reply_index);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
