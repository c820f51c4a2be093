#include "../core/base.h"

#include <string.h>

#include "../core/text/header.h"
#include "../core/text/url_path.h"
#include "client_box.h"
#include "packed_answer.h"
#include "plain_request.h"

static void set_body(lua_State *L, struct exchange *exchange, int index) {
  static const char name[] = "Content-Type", json[] = "application/json";
  exchange->body = lua_tolstring(L, index, &exchange->body_length);
  exchange->has_body = exchange->body != NULL;
  if (exchange->has_body &&
      !header_append(&exchange->lines, name, sizeof name - 1, json, sizeof json - 1))
    argumentsL_raise_memory(L);
}

static bool is_plain_answer(const struct exchange *exchange) {
  return exchange->failure.kind == FAILURE_NONE && exchange->status >= 200 &&
         exchange->status < 300;
}

int exchangeL_push_plain_result(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  if (is_plain_answer(exchange))
    api_client_absorb(box->client, exchange);
  if (!is_plain_answer(exchange) || !packed_answer_pack(exchange))
    return exchangeL_push_result(L, box);
  box->taken = true;
  box->shown = true;
  compatL_push_whole(L, (double)exchange->status);
  lua_pushlstring(L, exchange->reply_body.data == NULL ? "" : exchange->reply_body.data,
                  exchange->reply_body.length);
  lua_pushlstring(L, exchange->head.data, exchange->head.length);
  lua_pushstring(L, exchange->content_type); /* nil for NULL */
  lua_pushboolean(L, exchangeL_wants_refresh(box));
  exchange_recycle(exchange);
  box->shown = false;
  return 5;
}

const char *clientL_plain_path(lua_State *L, int index, size_t *length) {
  const char *path = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, length) : NULL;
  return path != NULL && url_path_is_plain(path, *length) ? path : NULL;
}

/* Sends one request without headers or options.
   ---@param method string
   ---@param path string
   ---@param timeout number seconds
   ---@param resend boolean the method is idempotent
   ---@param body? string JSON
   ---@return integer|table|false|nil status of a 2xx answer; any other answer as from `request`,
     with its hint; nil and the three values of a failure; false if the path needs `request`
   ---@return string|nil body
   ---@return string|nil packed for unpack_answer
   ---@return string|nil content_type
   ---@return boolean|nil advisory a refresh is due */
int clientL_plain_request(lua_State *L) {
  size_t method_length = 0, path_length = 0;
  struct api_client *client = clientL_check(L, 1);
  const char *method = luaL_checklstring(L, 2, &method_length);
  const char *path = clientL_plain_path(L, 3, &path_length);
  double timeout = argumentsL_number(L, 4);
  lua_settop(L, 6);
  if (path == NULL) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct exchange_box *box = clientL_take_idle_exchange(L, client);
  struct exchange *exchange = &box->exchange;
  luaL_argcheck(L, method_length < sizeof exchange->method, 2, "too long for a method");
  memcpy(exchange->method, method, method_length + 1);
  exchange->timeout = timeout;
  exchange->resend = lua_toboolean(L, 5) != 0;
  set_body(L, exchange, 6);
  struct api_call call = {.path = path, .path_length = path_length};
  api_client_request(client, exchange, &call);
  exchangeL_finish(L, box);
  int count = exchangeL_push_plain_result(L, box);
  clientL_keep_idle_exchange(L, count);
  return count;
}
