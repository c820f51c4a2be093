#include "../core/base.h"

#include <string.h>

#include "../core/text/header.h"
#include "client_box.h"
#include "credentials.h"
#include "mask_text.h"
#include "record.h"

static void push_failure_text(lua_State *L, struct failure *failure, enum failure_kind kind,
                              const char *message) {
  failure_set(failure, kind, NULL, message);
  argumentsL_push_failure(L, failure);
}

/* ---- freshness ---- */

/* Returns whether the credentials may be used.
   ---@return "none"|"fresh"|"advisory"|"mandatory"|"expired"|"stale" state
   ---@return number generation
   ---@return number? left seconds until the token expires; nil if unknown
   ---@return number? lifetime seconds, of the whole token; nil if unknown */
static int client_freshness(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct credentials *credentials = &client->credentials;
  enum freshness freshness = credentials_freshness(credentials, &client->clock);
  double generation = credentials->generation, lifetime = credentials->record.lifetime;
  double left = credentials_seconds_left(credentials, &client->clock);
  lua_pushstring(L, freshness_name(freshness));
  compatL_push_whole(L, generation);
  if (freshness == FRESHNESS_NONE || left < 0.0)
    return 2;
  lua_pushnumber(L, left);
  if (lifetime <= 0.0)
    return 3;
  lua_pushnumber(L, lifetime);
  return 4;
}

static bool is_fresh(const struct api_client *client, double generation) {
  double present = client->credentials.generation;
  return generation >= present && generation <= present &&
         credentials_freshness(&client->credentials, &client->clock) == FRESHNESS_FRESH;
}

/* True if this is the current generation and no refresh is due. Cheap, because a gateway asks
   before every request.
   ---@param generation number
   ---@return boolean */
static int client_is_fresh(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  lua_pushboolean(L, is_fresh(client, argumentsL_number(L, 2)));
  return 1;
}

/* Pushes the C function behind `is_fresh` for LuaJIT's FFI: bool (*)(const void *client, double
   generation). A method call ends LuaJIT's compiled trace, an FFI call does not. [0, +1] */
void clientL_push_is_fresh(lua_State *L) {
  bool (*function)(const struct api_client *, double) = is_fresh;
  void *address = NULL;
  memcpy(&address, &function, sizeof address);
  lua_pushlightuserdata(L, address);
}

/* Sets the refresh windows of this generation.
   ---@param advisory_at number seconds before expiry from which a refresh is due
   ---@param mandatory_at number seconds before expiry from which requests are refused as stale */
static int client_schedule(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double advisory_at = argumentsL_number(L, 2);
  double mandatory_at = argumentsL_number(L, 3);
  client->credentials.advisory_at = advisory_at;
  client->credentials.mandatory_at = mandatory_at;
  return 0;
}

/* Records that the API rejected these credentials. Ignores older generations.
   ---@param generation number */
static int client_mark_stale(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double generation = argumentsL_number(L, 2);
  if (generation >= client->credentials.generation)
    client->credentials.stale = client->credentials.generation;
  return 0;
}

/* Shifts both clocks of this client, for tests.
   ---@param seconds number */
static int client_shift_clock(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double seconds = argumentsL_number(L, 2);
  luaL_argcheck(L, seconds > -MIC_TIME_MAX && seconds < MIC_TIME_MAX, 2, "seconds expected");
  client->clock.shift += seconds;
  return 0;
}

/* ---- adopt and forget ---- */

bool client_adopt_copy(struct api_client *client, const struct record *record) {
  struct record copy = {0};
  if (!record_copy(&copy, record))
    return false;
  credentials_adopt(&client->credentials, &client->clock, &copy);
  return true;
}

static const char *last_key(const struct member_path *path) {
  return path->keys[path->count - 1];
}

static void read_secret(lua_State *L, int table, const char *name, struct secret *into) {
  size_t length = 0;
  const char *text = argumentsL_string(L, table, name, &length);
  if (length == 0)
    return;
  if (length > MIC_SECRET_MAX)
    argumentsL_raise(L, "%s must not be longer than 10240 bytes", name);
  if (!header_can_carry(text, length))
    argumentsL_raise(L, "%s has characters that no header can carry", name);
  if (!secret_set(into, text, length))
    argumentsL_raise_memory(L);
}

/* Raises for an unknown name: a typo would silently lose a secret. [0, 0] */
static void check_names(lua_State *L, int table, const struct api_profile *profile) {
  const char *names[] = {last_key(&profile->identity), last_key(&profile->token),
                         last_key(&profile->refresh_token), "expires_at"};
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    lua_pop(L, 1);
    bool known = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !known; i++)
      known = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), names[i]) == 0;
    if (known)
      continue;
    const char *shown = lua_typename(L, lua_type(L, -1));
    if (lua_type(L, -1) == LUA_TSTRING) {
      size_t length = 0;
      const char *name = lua_tolstring(L, -1, &length);
      argumentsL_push_shown(L, name, length);
      shown = lua_tostring(L, -1);
    }
    argumentsL_raise(L, "unknown member \"%s\"; known: %s, %s, %s, %s", shown, names[0], names[1],
                     names[2], names[3]);
  }
}

/* Fills the record from a table of the user. [0, 0] */
static void read_table(lua_State *L, int table, const struct api_client *client,
                       struct record *record) {
  const struct api_profile *profile = client->profile;
  check_names(L, table, profile);
  read_secret(L, table, last_key(&profile->identity), &record->identity);
  read_secret(L, table, last_key(&profile->token), &record->token);
  read_secret(L, table, last_key(&profile->refresh_token), &record->refresh_token);
  if (record->token.length == 0)
    argumentsL_raise(L, "%s is required: a string", last_key(&profile->token));
  if (record->identity.length == 0 && client->identity != IDENTITY_NOWHERE)
    argumentsL_raise(L, "%s is required: a string", last_key(&profile->identity));
  if (!secret_set(&record->root, client->base.root, strlen(client->base.root)))
    argumentsL_raise_memory(L);
  record_date(record, &client->clock, false);
  double expires = argumentsL_positive(L, table, "expires_at", 0.0);
  if (expires > MIC_TIME_MAX)
    argumentsL_raise(L, "expires_at must be seconds since 1970");
  if (record->expires <= 0.0)
    record->expires = expires;
}

static bool is_of_this_api(const struct api_client *client, const struct record *record) {
  return record->root.length == strlen(client->base.root) &&
         memcmp(record->root.bytes, client->base.root, record->root.length) == 0;
}

/* Replaces the credentials.
   ---@param credentials mic.record|table a record, or identityId, token, refreshToken, expires_at
   ---@param generation? number replace only if this is the current generation
   ---@return number? generation the new one; nil, "cancelled" if the current one is another;
     nil, "store" if the record belongs to another API */
static int client_adopt(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  struct record *record = recordL_test(L, 2);
  double expected = argumentsL_optional_number(L, 3, client->credentials.generation);
  struct failure failure = {0};
  lua_settop(L, 3);
  if (record == NULL) {
    luaL_checktype(L, 2, LUA_TTABLE);
    record = recordL_push(L);
    read_table(L, 2, client, record);
  }
  if (client->closed)
    push_failure_text(L, &failure, FAILURE_CLOSED, "the client was closed");
  else if (expected < client->credentials.generation || expected > client->credentials.generation)
    push_failure_text(L, &failure, FAILURE_CANCELLED, "other credentials are in use by now");
  else if (!is_of_this_api(client, record))
    push_failure_text(L, &failure, FAILURE_STORE, "the saved credentials belong to another API");
  else if (record->token.length == 0)
    push_failure_text(L, &failure, FAILURE_STORE, "the record holds no credentials");
  if (failure.kind != FAILURE_NONE)
    return 4;
  if (!client_adopt_copy(client, record))
    return argumentsL_raise_memory(L);
  compatL_push_whole(L, client->credentials.generation);
  return 1;
}

/* A copy of the current credentials, for a store.
   ---@return mic.record? record nil if there are none */
static int client_record(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  return recordL_push_copy(L, &client->credentials.record)->token.length > 0 ? 1 : 0;
}

/* True if these are the current credentials.
   ---@param record mic.record
   ---@return boolean */
static int client_holds(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct record *record = recordL_test(L, 2);
  luaL_argcheck(L, record != NULL, 2, "a record expected");
  lua_pushboolean(L, secret_equal(&record->token, &client->credentials.record.token));
  return 1;
}

/* ---@return boolean there is a refresh token */
static int client_can_refresh(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  lua_pushboolean(L, client->credentials.record.refresh_token.length > 0);
  return 1;
}

/* Forgets the credentials.
   ---@param generation? number only if this is the current generation
   ---@return boolean done */
static int client_forget(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  double present = client->credentials.generation;
  double expected = argumentsL_optional_number(L, 2, present);
  bool same = expected >= present && expected <= present;
  if (same)
    credentials_forget(&client->credentials);
  lua_pushboolean(L, same);
  return 1;
}

/* ---- export ---- */

/* Call it with a copy, never with the client's own secret: the push may run finalizers before it
   copies. */
static void push_secret(lua_State *L, const struct secret *secret) {
  if (secret->length > 0)
    lua_pushlstring(L, secret->bytes, secret->length);
  else
    lua_pushnil(L);
}

/* Returns the secrets. The boolean comes first, so that a nil identity cannot be taken for an
   error.
   ---@return boolean found
   ---@return string? identity
   ---@return string? token
   ---@return string? refresh_token
   ---@return number? expires_at seconds since 1970 */
static int client_credentials(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct record *record = recordL_push_copy(L, &client->credentials.record);
  lua_pushboolean(L, record->token.length > 0);
  push_secret(L, &record->identity);
  push_secret(L, &record->token);
  push_secret(L, &record->refresh_token);
  if (record->expires <= 0.0)
    return 4;
  compatL_push_whole(L, record->expires);
  return 5;
}

/* The same as a table, with the API's own names.
   ---@return table? credentials nil if there are none */
static int client_credentials_table(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct api_profile *profile = client->profile;
  const struct record *record = recordL_push_copy(L, &client->credentials.record);
  if (record->token.length == 0)
    return 0;
  lua_createtable(L, 0, 4);
  push_secret(L, &record->identity);
  lua_setfield(L, -2, last_key(&profile->identity));
  push_secret(L, &record->token);
  lua_setfield(L, -2, last_key(&profile->token));
  push_secret(L, &record->refresh_token);
  lua_setfield(L, -2, last_key(&profile->refresh_token));
  if (record->expires > 0.0) {
    compatL_push_whole(L, record->expires);
    lua_setfield(L, -2, "expires_at");
  }
  return 1;
}

/* The headers that authenticate a request, for another HTTP library.
   ---@return table<string, string>? headers nil, "missing" or "stale", code, message */
static int client_headers(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct api_profile *profile = client->profile;
  struct failure failure = {0};
  struct buffer *key = argumentsL_new_buffer(L, MIC_SECRET_MAX, true);
  const struct record *record = recordL_push_copy(L, &client->credentials.record);
  if (!api_client_may_send(client, true, &failure))
    return argumentsL_push_failure(L, &failure);
  if (buffer_append(key, client->api_key.bytes, client->api_key.length) != BUFFER_OK)
    return argumentsL_raise_memory(L);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, profile->token_prefix);
  push_secret(L, &record->token);
  lua_concat(L, 2);
  lua_setfield(L, -2, profile->token_header);
  if (client->identity != IDENTITY_NOWHERE) {
    push_secret(L, &record->identity);
    lua_setfield(L, -2, profile->identity_header);
  }
  if (key->length > 0) {
    lua_pushlstring(L, key->data, key->length);
    lua_setfield(L, -2, profile->api_key_header);
  }
  return 1;
}

/* Seconds since 1970, corrected by the server's Date.
   ---@return number */
static int client_wall(lua_State *L) {
  lua_pushnumber(L, clock_wall(&clientL_check(L, 1)->clock));
  return 1;
}

const struct method clientL_credential_methods[] = {{"freshness", client_freshness},
                                                    {"is_fresh", client_is_fresh},
                                                    {"schedule", client_schedule},
                                                    {"mark_stale", client_mark_stale},
                                                    {"shift_clock", client_shift_clock},
                                                    {"wall", client_wall},
                                                    {"adopt", client_adopt},
                                                    {"record", client_record},
                                                    {"holds", client_holds},
                                                    {"can_refresh", client_can_refresh},
                                                    {"forget", client_forget},
                                                    {"credentials", client_credentials},
                                                    {"credentials_table", client_credentials_table},
                                                    {"headers", client_headers},
                                                    {"mask", clientL_mask},
                                                    {"", NULL}};
