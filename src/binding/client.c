#include "../core/base.h"

#include <string.h>

#include "../core/text/header.h"
#include "../core/transfer/redirect_target.h"
#include "call.h"
#include "client.h"
#include "client_box.h"
#include "collect.h"
#include "credentials.h"
#include "engine.h"
#include "login_digest.h"
#include "profile.h"
#include "record.h"

/* ---- configuration ---- */

static void read_base_url(lua_State *L, int config, struct api_client *client) {
  size_t length = 0;
  const char *text = argumentsL_required_string(L, config, "base_url", &length);
  bool allow_insecure = argumentsL_boolean(L, config, "allow_insecure");
  const char *problem = url_base_set(&client->base, text, length, allow_insecure);
  if (problem != NULL)
    argumentsL_raise_url(L, "base_url", problem);
  lua_pop(L, 1);
}

static void read_api_key(lua_State *L, int config, struct api_client *client) {
  size_t length = 0;
  const char *key = argumentsL_string(L, config, "api_key", &length);
  if (key == NULL)
    return;
  const char *problem = length == 0 ? "is empty" : header_value_problem(key, length);
  if (problem == NULL && length > MIC_SECRET_MAX)
    problem = "is too long";
  if (problem != NULL)
    argumentsL_raise(L, "api_key %s", problem);
  if (!secret_set(&client->api_key, key, length))
    argumentsL_raise_memory(L);
}

static void read_transcripts(lua_State *L, int config, struct api_client *client) {
  size_t length = 0;
  const char *level = argumentsL_string(L, config, "transcripts", &length);
  if (level != NULL)
    client->transcripts =
        strcmp(level, "bodies") == 0 ? TRANSCRIPTS_WITH_BODIES : TRANSCRIPTS_OF_HEADS;
}

/* libcurl does not check it. */
static void check_user_agent(lua_State *L, const char *text) {
  const char *problem = header_value_problem(text, strlen(text));
  if (problem != NULL)
    argumentsL_raise(L, "user_agent %s", problem);
}

static void read_connection_options(lua_State *L, int config, struct connection_options *options) {
  const char *name = NULL;
  for (size_t i = 0; (name = connection_option_name(i)) != NULL; i++) {
    size_t length = 0;
    const char *text = argumentsL_string(L, config, name, &length);
    if (text == NULL)
      continue;
    const char *problem =
        strlen(text) == length ? connection_option_problem(i, text) : "must not contain a NUL byte";
    if (problem != NULL)
      argumentsL_raise(L, "%s %s", name, problem);
    if (!connection_option_keep(options, i, text))
      argumentsL_raise_memory(L);
  }
  if (options->user_agent == NULL)
    options->user_agent = strdup("lua-mic/" MIC_VERSION);
  if (options->user_agent == NULL)
    argumentsL_raise_memory(L);
  else
    check_user_agent(L, options->user_agent);
}

/* Creates a client. Starts nothing and sends nothing.
   ---@param config table base_url; optional: profile (see profileL_read), auth_url, api_key,
     username, password, client_id, client_secret, values, secrets, timeout, connect_timeout
     (seconds), max_response_size, max_size (bytes), allow_insecure, user_agent, proxy,
     http_version, ca_file, ca_file_name (for messages), ca_path, client_cert, client_key,
     pinned_public_key, min_version, engine, transcripts ("headers" or "bodies": see
     exchange:transcript)
   ---@return mic.client client Raises if the configuration is invalid. */
int clientL_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  struct client_box *box = argumentsL_new_block(L, sizeof *box);
  struct api_client *client = &box->client;
  api_client_open(client);
  argumentsL_set_type(L, clientL_type);
  read_base_url(L, 1, client);
  read_api_key(L, 1, client);
  client->timeout = argumentsL_positive(L, 1, "timeout", 30.0);
  client->connect_timeout = argumentsL_positive(L, 1, "connect_timeout", 10.0);
  client->max_response_size = argumentsL_count(L, 1, "max_response_size", 16.0 * 1024 * 1024);
  client->max_size = argumentsL_count(L, 1, "max_size", 0.0);
  read_connection_options(L, 1, &client->connections.options);
  read_transcripts(L, 1, client);
  if (!known_secrets_proxy(&client->known, client->connections.options.proxy))
    return argumentsL_raise_memory(L);
  profileL_read(L, 1, client);
  if (!api_client_find_places(client))
    return argumentsL_raise_memory(L);
  /* Weak: maps numbers to running exchanges, for collect. */
  argumentsL_push_weak(L);
  client->engine = engineL_option(L, 1);
  compatL_set_anchors(L, -2);
  return 1;
}

/* ---- blocking calls ---- */

/* Blocks, adopts the record of a login or refresh, pushes the masked reply; returns how many. */
static int finish_auth(lua_State *L, struct api_client *client, struct exchange_box *box) {
  exchangeL_finish(L, box);
  int count = exchangeL_push_result(L, box);
  if (count != 2)
    return count;
  const struct record *record = recordL_test(L, -1);
  if (record != NULL && !client->closed && !client_adopt_copy(client, record))
    return argumentsL_raise_memory(L);
  lua_pop(L, 1);
  return 1;
}

/* Checks the arguments of login before anything is allocated. Both may be nil. */
static void check_login(lua_State *L, int first) {
  for (int i = first; i < first + 2; i++)
    if (!lua_isnoneornil(L, i))
      luaL_checktype(L, i, LUA_TSTRING);
}

/* Borrows the bytes of an argument, which is on the stack. */
static struct secret borrow(lua_State *L, int index, const struct secret *otherwise) {
  size_t length = 0;
  if (lua_isnoneornil(L, index))
    return *otherwise;
  const char *text = lua_tolstring(L, index, &length);
  struct secret borrowed = {NULL, length};
  memcpy(&borrowed.bytes, &text, sizeof text); /* only read */
  return borrowed;
}

static void start_login(lua_State *L, struct exchange_box *box, int first) {
  const struct api_client *client = box->client;
  struct secret username = borrow(L, first, &client->username);
  struct secret password = borrow(L, first + 1, &client->known.password);
  if (password.length > MIC_SECRET_MAX || username.length > MIC_SECRET_MAX)
    argumentsL_raise(L, "username and password must not be longer than 10240 bytes");
  api_client_authenticate(box->client, &box->exchange, &username, &password);
}

/* Logs in and keeps the credentials.
   ---@param username? string nil: that of the options
   ---@param password? string nil: that of the options; it is kept only for masking
   ---@return table? reply masked; `absorbed` is true if it brought credentials. Else nil, kind,
     code, message */
static int client_login(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  lua_settop(L, 3);
  check_login(L, 2);
  struct exchange_box *box = exchangeL_push(L, client, EXCHANGE_LOGIN);
  start_login(L, box, 2);
  return finish_auth(L, client, box);
}

/* Exchanges the refresh token for new credentials and keeps them.
   ---@return table? reply as of login */
static int client_refresh(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  struct exchange_box *box = exchangeL_push(L, client, EXCHANGE_REFRESH);
  api_client_authenticate(client, &box->exchange, &client->username, &client->known.password);
  return finish_auth(L, client, box);
}

/* Of the last failure that was read: true if the request may have been sent.
   ---@return boolean sent false: nothing was sent, for certain */
static int client_was_sent(lua_State *L) {
  lua_pushboolean(L, clientL_check(L, 1)->last_was_sent);
  return 1;
}

/* Checks whether `call` accepts this URL.
   ---@param url string
   ---@param from? string the URL that redirects to it
   ---@param from_loopback? boolean the redirect came from this machine
   ---@return true? ok
   ---@return string? message what is wrong */
static int client_check_url(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  size_t length = 0;
  const char *url = luaL_checklstring(L, 2, &length);
  struct url_facts facts;
  const struct redirect_page page = {
      .url = luaL_optstring(L, 3, NULL),
      .on_loopback = lua_toboolean(L, 4) != 0,
  };
  bool guarded = false;
  const char *problem = url_check(&client->base, url, length, &facts);
  if (problem == NULL)
    problem = redirect_problem(&page, url, &guarded);
  if (problem == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  if (problem == url_no_memory)
    return argumentsL_raise_memory(L);
  lua_pushnil(L);
  lua_pushfstring(L, "url %s", problem);
  return 2;
}

/* ---- non-blocking calls ---- */

/* Starts a login or refresh. */
static int start_auth(lua_State *L, struct api_client *client, enum exchange_kind kind) {
  if (kind == EXCHANGE_LOGIN)
    check_login(L, 3);
  double timeout = argumentsL_optional_number(L, kind == EXCHANGE_LOGIN ? 5 : 3, 0.0);
  struct exchange_box *box = exchangeL_push(L, client, kind);
  box->exchange.timeout = timeout;
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  compatL_set_anchors(L, -2);
  if (kind == EXCHANGE_LOGIN)
    start_login(L, box, 3);
  else
    api_client_authenticate(client, &box->exchange, &client->username, &client->known.password);
  clientL_watch(L, box);
  return 1;
}

/* Starts a call, a login or a refresh, and returns at once.
   ---@param what "call"|"login"|"refresh"
   ---@param ... any arguments of the method of that name; then, for login and refresh, a timeout
     in seconds; for a call see callL_start
   ---@return mic.exchange exchange done, with the reason as its result, if it could not start */
static int client_start(lua_State *L) {
  static const enum exchange_kind kinds[] = {EXCHANGE_REQUEST, EXCHANGE_LOGIN, EXCHANGE_REFRESH};
  struct api_client *client = clientL_check(L, 1);
  enum exchange_kind kind = kinds[argumentsL_choice(L, 2, "call\0login\0refresh\0")];
  return kind == EXCHANGE_REQUEST ? callL_start(L) : start_auth(L, client, kind);
}

/* The base URL, without a trailing slash.
   ---@return string */
static int client_root(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  lua_pushstring(L, client->closed ? "" : client->base.root);
  return 1;
}

/* Seconds of the monotonic clock, which all processes of this machine share.
   ---@return number */
static int client_monotonic(lua_State *L) {
  lua_pushnumber(L, clock_monotonic(&clientL_check(L, 1)->clock));
  return 1;
}

/* ---- close ---- */

/* Ends running exchanges with `closed`, closes the connections, wipes the secrets. Idempotent.
   A finalizer may call it while a method of this client allocates. So methods push from a copy
   (recordL_push_copy), from the exchange, or from the base URL, which stays. */
static int client_close(lua_State *L) {
  struct api_client *client = compatL_testudata(L, 1, clientL_type);
  if (client != NULL)
    api_client_close(client);
  return 0;
}

static int client_release(lua_State *L) {
  struct api_client *client = compatL_testudata(L, 1, clientL_type);
  if (client != NULL)
    api_client_free(client);
  return 0;
}

static int client_to_string(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  lua_pushfstring(L, "%s (%s)", clientL_type, client->closed ? "closed" : client->base.root);
  return 1;
}

void clientL_open(lua_State *L) {
  static const struct method methods[] = {{"login", client_login},
                                          {"refresh", client_refresh},
                                          {"call", callL_wait},
                                          {"start", client_start},
                                          {"ready", callL_ready},
                                          {"check_url", client_check_url},
                                          {"was_sent", client_was_sent},
                                          {"root", client_root},
                                          {"monotonic", client_monotonic},
                                          {"close", client_close},
                                          {"", NULL}};
  argumentsL_new_type(L, clientL_type, methods, client_release, client_to_string);
  argumentsL_set_close(L, clientL_type, client_close);
  luaL_getmetatable(L, clientL_type);
  lua_getfield(L, -1, "__index");
  compatL_set_methods(L, clientL_credential_methods);
  compatL_set_methods(L, clientL_digest_methods);
  compatL_set_methods(L, clientL_waiting_methods);
  lua_pop(L, 2);
}
