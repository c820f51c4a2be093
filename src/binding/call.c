#include "../core/base.h"

#include <math.h>
#include <string.h>

#include "../core/text/header.h"
#include "../core/text/url.h"
#include "../core/text/url_path.h"
#include "../core/transfer/redirect_target.h"
#include "call.h"
#include "client_box.h"

/* ---- arguments ---- */

/* Places of the arguments, from the first one's stack index on. */
enum { METHOD, PATH, TIMEOUT, RESEND, BODY, MORE, COUNT };

/* The strings are borrowed from the stack. */
struct arguments {
  const char *method;
  size_t method_length;
  double timeout; /* 0: the client's */
  bool resend;
  const char *body; /* or NULL */
  size_t body_length;
  int more; /* stack index of the table; 0: none */
  struct api_call call;
};

static const char *read_method(lua_State *L, int index, size_t *length) {
  const char *method = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, length) : NULL;
  if (method == NULL)
    argumentsL_raise(L, "method is required: a string");
  else if (*length >= sizeof((struct exchange *)NULL)->method ||
           header_name_problem(method, *length) != NULL)
    argumentsL_raise(L, "method must be an HTTP method such as GET");
  return method;
}

static double read_timeout(lua_State *L, int index) {
  int type = lua_type(L, index);
  if (type == LUA_TNIL)
    return 0.0;
  double seconds = type == LUA_TNUMBER ? lua_tonumber(L, index) : 0.0;
  if (!(seconds > 0.0 && isfinite(seconds)))
    argumentsL_raise(L, "timeout must be a positive number");
  return seconds;
}

static const char *read_body(lua_State *L, int index, size_t *length) {
  int type = lua_type(L, index);
  if (type != LUA_TSTRING && type != LUA_TNIL)
    argumentsL_raise(L, "body must be a string (got %s)", lua_typename(L, type));
  return lua_tolstring(L, index, length);
}

static enum auth_wish read_auth(lua_State *L, int more) {
  enum auth_wish wish = AUTH_BY_PATH;
  if (argumentsL_field(L, more, "auth") != LUA_TNIL)
    wish = lua_toboolean(L, -1) ? AUTH_YES : AUTH_NO;
  lua_pop(L, 1);
  return wish;
}

/* Checks a URL that a redirect led to: `from`, and whether that came from this machine. */
static const char *redirect_problem_of(lua_State *L, struct api_call *call, int more) {
  size_t length = 0;
  struct redirect_page page = {.on_loopback = argumentsL_boolean(L, more, "from_loopback")};
  page.url = argumentsL_hold_string(L, more, "from", &length);
  const char *problem = redirect_problem(&page, call->url, &call->guarded);
  lua_pop(L, 1);
  return problem;
}

/* Reads where a call with `more` goes. Leaves the URL at the top, so that it stays valid during the
   call. [0, +1] */
static void read_target(lua_State *L, const struct api_client *client, struct api_call *call,
                        int path, int more) {
  size_t length = 0;
  call->auth = read_auth(L, more);
  call->allow_stale = argumentsL_boolean(L, more, "allow_stale");
  if (argumentsL_boolean(L, more, "bare")) {
    call->auth = AUTH_NO;
    call->bare = true;
  }
  call->url = argumentsL_hold_string(L, more, "url", &length);
  if (call->url != NULL) {
    const char *problem = url_check(&client->base, call->url, length, &call->url_facts);
    if (problem == NULL)
      problem = redirect_problem_of(L, call, more);
    if (problem != NULL)
      argumentsL_raise_url(L, "url", problem);
    return;
  }
  if (lua_type(L, path) != LUA_TSTRING)
    argumentsL_raise(L, "path is required: a string");
  call->path = lua_tolstring(L, path, &call->path_length);
  const char *problem = url_path_problem(call->path, call->path_length);
  if (problem != NULL)
    argumentsL_raise(L, "path %s", problem);
}

/* Without `more`: false if this is no path that can be sent as it is. */
static bool read_plain_path(lua_State *L, struct api_call *call, int path) {
  if (lua_type(L, path) == LUA_TSTRING)
    call->path = lua_tolstring(L, path, &call->path_length);
  return call->path != NULL && url_path_is_plain(call->path, call->path_length);
}

/* Reads the arguments from stack index `first` on. Raises on misuse; starts nothing. With `more` it
   leaves one value at the top, without it none. False if the path has to be filled or refused
   first. */
static bool read_arguments(lua_State *L, const struct api_client *client, int first,
                           struct arguments *given) {
  memset(given, 0, sizeof *given);
  if (lua_type(L, first + MORE) == LUA_TNIL) {
    if (!read_plain_path(L, &given->call, first + PATH))
      return false;
  } else {
    given->more = first + MORE;
    luaL_checktype(L, given->more, LUA_TTABLE);
  }
  given->method = read_method(L, first + METHOD, &given->method_length);
  given->timeout = read_timeout(L, first + TIMEOUT);
  given->resend = lua_toboolean(L, first + RESEND) != 0;
  given->body = read_body(L, first + BODY, &given->body_length);
  if (given->more != 0)
    read_target(L, client, &given->call, first + PATH, given->more);
  return true;
}

/* Adds one header; its name is at index -2, its value at -1. [0, 0] */
static void add_header(lua_State *L, struct exchange_box *box, struct api_call *call) {
  size_t name_length = 0, value_length = 0;
  if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
    argumentsL_raise(L, "headers must map names to strings");
  const char *name = lua_tolstring(L, -2, &name_length);
  const char *value = lua_tolstring(L, -1, &value_length);
  const char *problem = api_client_call_header_problem(box->client, name, name_length, value,
                                                       value_length, call->auth == AUTH_NO);
  if (problem != NULL) {
    argumentsL_push_shown(L, name, name_length);
    argumentsL_raise(L, "header \"%s\" %s", lua_tostring(L, -1), problem);
  }
  if (!header_append(&box->exchange.lines, name, name_length, value, value_length))
    argumentsL_raise_memory(L);
}

static void read_headers(lua_State *L, struct exchange_box *box, struct api_call *call, int more) {
  int type = argumentsL_field(L, more, "headers");
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

/* Reads the options for files and streams. A file that cannot be opened fails the exchange. */
static void read_flow(lua_State *L, struct exchange *exchange, int more) {
  size_t length = 0;
  const char *download = argumentsL_string(L, more, "save_to", &length);
  if (download != NULL && strlen(download) != length)
    argumentsL_raise(L, "save_to must not contain a NUL byte");
  if (download != NULL && !download_file_set(&exchange->download, download))
    argumentsL_raise_memory(L);
  if (download != NULL && !download_file_begin(&exchange->download))
    failure_set_errno(&exchange->failure, "save_to", exchange->download.error);
  const char *upload = argumentsL_string(L, more, "body_file", &length);
  if (upload != NULL && strlen(upload) != length)
    argumentsL_raise(L, "body_file must not contain a NUL byte");
  if (upload != NULL && !upload_file_open(&exchange->upload, upload))
    failure_set_errno(&exchange->failure, "body_file", exchange->upload.error);
  exchange->stream = argumentsL_boolean(L, more, "stream");
  exchange->progress.wanted = argumentsL_boolean(L, more, "progress");
  exchange->idle.limit = argumentsL_positive(L, more, "idle_timeout", 0.0);
}

/* ---- start ---- */

static void set_json_type(lua_State *L, struct exchange *exchange) {
  if (!header_append_line(&exchange->lines, "Content-Type: application/json"))
    argumentsL_raise_memory(L);
}

/* Sets what the arguments say on an exchange that is new or renewed. Raises on misuse. [0, 0] */
static void set_arguments(lua_State *L, struct exchange_box *box, struct arguments *given) {
  struct exchange *exchange = &box->exchange;
  memcpy(exchange->method, given->method, given->method_length + 1);
  exchange->timeout = given->timeout;
  exchange->resend = given->resend;
  exchange->body = given->body;
  exchange->body_length = given->body_length;
  exchange->has_body = given->body != NULL;
  if (given->more == 0) {
    if (exchange->has_body)
      set_json_type(L, exchange);
    return;
  }
  exchange->connect_timeout = argumentsL_positive(L, given->more, "connect_timeout", 0.0);
  exchange->max_file_size = argumentsL_count(L, given->more, "max_size", 0.0);
  read_headers(L, box, &given->call, given->more);
  read_flow(L, exchange, given->more);
}

static void start(struct exchange_box *box, const struct arguments *given) {
  if (box->exchange.failure.kind == FAILURE_NONE)
    api_client_request(box->client, &box->exchange, &given->call);
  else
    box->exchange.state = EXCHANGE_DONE; /* a file could not be opened */
}

/* Sends a request and waits for its answer.
   ---@param method string
   ---@param path string|nil nil if `more` has a URL
   ---@param timeout? number seconds; default: the client's, and none with idle_timeout
   ---@param resend boolean the method is idempotent
   ---@param body? string JSON, unless there is `more`
   ---@param more? table headers, url, from, from_loopback, bare, auth, allow_stale, body_file,
     save_to, max_size, connect_timeout, idle_timeout
   ---@return integer|table|false|nil status of a 2xx answer, and the five values below; of any
   other answer a reply, and "advisory" if a refresh is due; nil, kind, code and message if nothing
   was sent or no answer arrived; false, with nothing done, if there is no `more` and the path
   cannot be sent as it is
   ---@return string|nil body
   ---@return string|nil packed for unpack_answer
   ---@return string|nil content_type
   ---@return boolean|nil advisory a refresh is due
   ---@return boolean|nil authenticated the request carried credentials */
int callL_wait(lua_State *L) {
  enum { FIRST = 2 };
  struct api_client *client = clientL_check(L, 1);
  struct arguments given;
  lua_settop(L, FIRST + COUNT - 1);
  if (!read_arguments(L, client, FIRST, &given)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct exchange_box *box = clientL_take_idle_exchange(L, client);
  set_arguments(L, box, &given);
  if (box->exchange.stream || box->exchange.progress.wanted)
    return argumentsL_raise(L, "stream and progress are for start and run");
  start(box, &given);
  exchangeL_finish(L, box);
  int count = exchangeL_push_result(L, box);
  clientL_keep_idle_exchange(L, count);
  return count;
}

/* Anchors client and body to the exchange at the top. [0, 0] */
static void anchor(lua_State *L, struct exchange_box *box, int body, bool is_new) {
  bool has_body = !lua_isnil(L, body);
  if (is_new) {
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, -1);
    compatL_set_anchors(L, -3);
  } else if (has_body || box->has_body) {
    compatL_push_anchors(L, -1);
  } else {
    return;
  }
  lua_pushvalue(L, body);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 1);
  box->has_body = has_body;
}

/* True if an engine runs the exchange while the running coroutine is suspended. */
static bool can_suspend(lua_State *L, const struct api_client *client) {
  return client->engine != NULL && !client->engine->closed && compat_is_yieldable(L);
}

/* Starts a request and returns at once.
   ---@param what "call"
   ---@param method string and the other five arguments of `call`; `more` also stream, progress, and
     alone (no other call runs meanwhile, so it waits for no connection of another)
   ---@param path string|nil
   ---@param timeout? number
   ---@param resend boolean
   ---@param body? string
   ---@param more? table
   ---@param idle? mic.exchange to reuse: one of this method whose result was taken
   ---@param suspends? boolean start only if an engine runs it while this coroutine is suspended
   ---@return mic.exchange|false exchange false, with nothing done: see `call` and `suspends`
   ---@return boolean? running false: it has ended already */
int callL_start(lua_State *L) {
  enum { FIRST = 3, IDLE = FIRST + COUNT, SUSPENDS };
  struct api_client *client = clientL_check(L, 1);
  struct arguments given;
  lua_settop(L, SUSPENDS);
  if ((lua_toboolean(L, SUSPENDS) && !can_suspend(L, client)) ||
      !read_arguments(L, client, FIRST, &given)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  struct exchange_box *box;
  bool is_new = lua_isnil(L, IDLE);
  if (is_new) {
    box = exchangeL_push(L, client, EXCHANGE_REQUEST);
  } else {
    box = exchangeL_check(L, IDLE);
    luaL_argcheck(L, exchange_is_free(box, client), IDLE, "is in use");
    lua_pushvalue(L, IDLE);
    exchangeL_renew(L, IDLE, client);
  }
  set_arguments(L, box, &given);
  box->exchange.share_connection = given.more == 0 || !argumentsL_boolean(L, given.more, "alone");
  anchor(L, box, FIRST + BODY, is_new);
  start(box, &given);
  clientL_watch(L, box);
  lua_pushboolean(L, box->exchange.state == EXCHANGE_RUNNING);
  return 2;
}

/* True if `call` would send this; false if it would fail as missing, stale or closed.
   ---@param method string
   ---@param path string|nil
   ---@param more table
   ---@return boolean */
int callL_ready(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct api_call call = {0};
  const char *method = luaL_checkstring(L, 2);
  luaL_checktype(L, 4, LUA_TTABLE);
  read_target(L, client, &call, 3, 4);
  lua_pushboolean(L, api_client_is_ready(client, method, &call));
  return 1;
}
