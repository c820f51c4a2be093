/* Reads the spec of a request, a table, into an exchange. */
#include "../core/base.h"

#include <string.h>

#include "../core/text/header.h"
#include "../core/text/url.h"
#include "../core/text/url_path.h"
#include "../core/transfer/redirect.h"
#include "exchange.h"

static void read_method(lua_State *L, struct exchange *exchange, int spec) {
  size_t length = 0;
  const char *method = argumentsL_required_string(L, spec, "method", &length);
  if (length >= sizeof exchange->method || header_name_problem(method, length) != NULL)
    argumentsL_raise(L, "method must be an HTTP method such as GET");
  memcpy(exchange->method, method, length + 1);
  lua_pop(L, 1);
}

/* Adds one header; its name is at index -2, its value at -1. [0, 0] */
static void add_header(lua_State *L, struct exchange_box *box, struct api_call *call) {
  const struct api_profile *profile = box->client->profile;
  size_t name_length = 0, value_length = 0;
  if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
    argumentsL_raise(L, "headers must map names to strings");
  const char *name = lua_tolstring(L, -2, &name_length);
  const char *value = lua_tolstring(L, -1, &value_length);
  const char *problem = api_client_header_problem(profile, name, name_length, value, value_length,
                                                  call->auth == AUTH_NO);
  if (problem != NULL) {
    argumentsL_push_shown(L, name, name_length);
    argumentsL_raise(L, "header \"%s\" %s", lua_tostring(L, -1), problem);
  }
  if (header_name_is(name, name_length, profile->api_key_header))
    call->no_api_key = true;
  if (!header_append(&box->exchange.lines, name, name_length, value, value_length))
    argumentsL_raise_memory(L);
}

static void read_headers(lua_State *L, struct exchange_box *box, struct api_call *call, int spec) {
  int type = argumentsL_field(L, spec, "headers");
  if (type != LUA_TTABLE && type != LUA_TNIL)
    argumentsL_raise(L, "headers must be a table (got %s)", lua_typename(L, type));
  if (type == LUA_TTABLE) {
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
      if (lua_type(L, -1) == LUA_TTABLE) { /* a repeated header */
        size_t count = compat_rawlen(L, -1);
        for (size_t i = 1; i <= count; i++) {
          lua_pushvalue(L, -2);
          lua_rawgeti(L, -2, (int)i);
          add_header(L, box, call);
          lua_pop(L, 2);
        }
      } else {
        add_header(L, box, call);
      }
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

static enum auth_wish read_auth(lua_State *L, int spec) {
  enum auth_wish wish = AUTH_BY_PATH;
  if (argumentsL_field(L, spec, "auth") != LUA_TNIL)
    wish = lua_toboolean(L, -1) ? AUTH_YES : AUTH_NO;
  lua_pop(L, 1);
  return wish;
}

/* Checks a URL that a redirect led to: `from`, and whether that came from this machine. */
static const char *redirect_problem_of(lua_State *L, struct api_call *call, int spec) {
  size_t length = 0;
  struct redirect_page page = {.on_loopback = argumentsL_boolean(L, spec, "from_loopback")};
  page.url = argumentsL_hold_string(L, spec, "from", &length);
  const char *problem = redirect_problem(&page, call->url, &call->guarded);
  lua_pop(L, 1);
  return problem;
}

/* Leaves the URL or path at the top, so that it stays valid during the call. [0, +1] */
static void read_target(lua_State *L, const struct api_client *client, struct api_call *call,
                        int spec) {
  size_t length = 0;
  call->auth = read_auth(L, spec);
  call->allow_stale = argumentsL_boolean(L, spec, "allow_stale");
  if (argumentsL_boolean(L, spec, "bare")) {
    call->auth = AUTH_NO;
    call->no_api_key = true;
  }
  call->url = argumentsL_hold_string(L, spec, "url", &length);
  if (call->url != NULL) {
    const char *problem = url_check(&client->base, call->url, length, &call->url_facts);
    if (problem == NULL)
      problem = redirect_problem_of(L, call, spec);
    if (problem != NULL)
      argumentsL_raise_url(L, "url", problem);
    return;
  }
  lua_pop(L, 1);
  call->path = argumentsL_required_string(L, spec, "path", &call->path_length);
  const char *problem = url_path_problem(call->path, call->path_length);
  if (problem != NULL)
    argumentsL_raise(L, "path %s", problem);
}

bool exchangeL_is_ready(lua_State *L, const struct api_client *client, int spec) {
  struct api_call call = {0};
  luaL_checktype(L, spec, LUA_TTABLE);
  read_target(L, client, &call, spec);
  return api_client_is_ready(client, &call);
}

/* Reads the options for files and streams. A file that cannot be opened fails the exchange. */
static void read_flow(lua_State *L, struct exchange *exchange, int spec) {
  size_t length = 0;
  const char *download = argumentsL_string(L, spec, "save_to", &length);
  if (download != NULL && strlen(download) != length)
    argumentsL_raise(L, "save_to must not hold a NUL byte");
  if (download != NULL && !download_file_set(&exchange->download, download))
    argumentsL_raise_memory(L);
  if (download != NULL && !download_file_begin(&exchange->download))
    failure_set_errno(&exchange->failure, "save_to", exchange->download.error);
  const char *upload = argumentsL_string(L, spec, "body_file", &length);
  if (upload != NULL && strlen(upload) != length)
    argumentsL_raise(L, "body_file must not hold a NUL byte");
  if (upload != NULL && !upload_file_open(&exchange->upload, upload))
    failure_set_errno(&exchange->failure, "body_file", exchange->upload.error);
  exchange->stream = argumentsL_boolean(L, spec, "stream");
  exchange->progress.wanted = argumentsL_boolean(L, spec, "progress");
  exchange->idle.limit = argumentsL_positive(L, spec, "idle_timeout", 0.0);
}

void exchangeL_start_request(lua_State *L, struct exchange_box *box, int spec) {
  struct exchange *exchange = &box->exchange;
  struct api_call call = {0};
  int top = lua_gettop(L);
  luaL_checktype(L, spec, LUA_TTABLE);
  read_method(L, exchange, spec);
  read_target(L, box->client, &call, spec);
  read_headers(L, box, &call, spec);
  read_flow(L, exchange, spec);
  if (exchange->failure.kind != FAILURE_NONE) {
    exchange->state = EXCHANGE_DONE;
    lua_settop(L, top);
    return;
  }
  exchange->body = argumentsL_hold_string(L, spec, "body", &exchange->body_length);
  lua_replace(L, spec + 1);
  exchange->has_body = exchange->body != NULL;
  exchange->timeout = argumentsL_positive(L, spec, "timeout", 0.0);
  exchange->connect_timeout = argumentsL_positive(L, spec, "connect_timeout", 0.0);
  exchange->max_file_size = argumentsL_count(L, spec, "max_size", 0.0);
  exchange->resend = argumentsL_boolean(L, spec, "resend");
  exchange->share_connection = argumentsL_boolean(L, spec, "share_connection");
  api_client_request(box->client, exchange, &call);
  lua_settop(L, top);
}
