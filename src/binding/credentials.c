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
  enum freshness freshness = api_client_freshness(client);
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
         api_client_freshness(client) == FRESHNESS_FRESH;
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

static const char names[][14] = {"token", "refresh_token", "identity", "expires_at"};

/* Sets a secret that is not empty. */
static void set_secret(lua_State *L, const char *name, const char *text, size_t length,
                       struct secret *into) {
  if (length == 0)
    return;
  if (length > MIC_SECRET_MAX)
    argumentsL_raise(L, "%s must not be longer than 10240 bytes", name);
  if (!header_can_carry(text, length))
    argumentsL_raise(L, "%s has characters that are not allowed in a header", name);
  if (!secret_set(into, text, length))
    argumentsL_raise_memory(L);
}

static void read_secret(lua_State *L, int table, const char *name, struct secret *into) {
  size_t length = 0;
  const char *text = argumentsL_string(L, table, name, &length);
  set_secret(L, name, text, length, into);
}

/* Raises for an unknown name: a typo would silently lose a secret. [0, 0] */
static void check_names(lua_State *L, int table) {
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
    argumentsL_raise(L, "unknown member \"%s\"; known: token, refresh_token, identity, expires_at",
                     shown);
  }
}

/* Fills the record from a table of the user. [0, 0] */
static void read_table(lua_State *L, int table, const struct api_client *client,
                       struct record *record) {
  const struct profile *profile = &client->profile;
  check_names(L, table);
  read_secret(L, table, "identity", &record->identity);
  read_secret(L, table, "token", &record->token);
  read_secret(L, table, "refresh_token", &record->refresh_token);
  bool refreshes =
      !profile->is_default && (profile->by_function || profile->refresh.method[0] != '\0');
  if (!record_has_login(record) || (record->token.length == 0 && !refreshes))
    argumentsL_raise(L, "token is required: a string");
  if (record->identity.length == 0 && record->token.length > 0 && profile_needs_identity(profile))
    argumentsL_raise(L, "identity is required: a string");
  if (!api_client_mark_record(client, record))
    argumentsL_raise_memory(L);
  record_date(record, &client->clock, profile, false, 0.0);
  double expires = argumentsL_positive(L, table, "expires_at", 0.0);
  if (expires > MIC_TIME_MAX)
    argumentsL_raise(L, "expires_at must be seconds since 1970");
  if (record->expires <= 0.0)
    record->expires = expires;
}

/* Replaces the credentials.
   ---@param credentials mic.record|table a record, or token, refresh_token, identity, expires_at
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
    push_failure_text(L, &failure, FAILURE_CANCELLED, "the credentials were replaced");
  else if (!api_client_made_record(client, record))
    push_failure_text(L, &failure, FAILURE_STORE, "the saved credentials belong to another API");
  else if (!record_has_login(record))
    push_failure_text(L, &failure, FAILURE_STORE, "the record has no credentials");
  if (failure.kind != FAILURE_NONE)
    return 4;
  if (!client_adopt_copy(client, record))
    return argumentsL_raise_memory(L);
  compatL_push_whole(L, client->credentials.generation);
  return 1;
}

/* Makes a record of credentials that have just been received: their whole lifetime is left.
   ---@param renews boolean members that are nil stay as they are; false: they are unset
   ---@param token string
   ---@param refresh_token? string
   ---@param identity? string
   ---@param expires_in? number seconds
   ---@return mic.record? record nil: not valid. Raises for a text that no header can carry
   ---@return string? problem a clause */
static int client_make_record(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct profile *profile = &client->profile;
  bool renews = lua_toboolean(L, 2);
  luaL_checkstring(L, 3);
  double left = argumentsL_optional_number(L, 6, 0.0);
  struct record *record = recordL_push(L);
  struct secret *members[] = {&record->token, &record->refresh_token, &record->identity};
  if (renews && !record_copy(record, &client->credentials.record))
    return argumentsL_raise_memory(L);
  for (int i = 0; i < 3; i++) {
    size_t length = 0;
    const char *text = luaL_optlstring(L, 3 + i, NULL, &length);
    set_secret(L, names[i], text, length, members[i]);
  }
  if (record->identity.length == 0 && profile_needs_identity(profile)) {
    lua_pushnil(L);
    lua_pushliteral(L, "has no identity, which calls to this API require");
    return 2;
  }
  if (!api_client_mark_record(client, record))
    return argumentsL_raise_memory(L);
  record_date(record, &client->clock, profile, true, left);
  return 1;
}

/* A copy of the current credentials, for a store.
   ---@return mic.record? record nil if there are none */
static int client_record(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  return record_has_login(recordL_push_copy(L, &client->credentials.record)) ? 1 : 0;
}

/* A refresh may bring the same token with a later end. Smaller differences are those of clocks. */
static const double RENEWED = 5.0; /* seconds */

/* True if these are the current credentials, or older ones with the same token.
   ---@param record mic.record
   ---@return boolean */
static int client_holds(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct record *record = recordL_test(L, 2);
  luaL_argcheck(L, record != NULL, 2, "a record expected");
  const struct record *own = &client->credentials.record;
  lua_pushboolean(L, secret_equal(&record->token, &own->token) &&
                         record->expires <= own->expires + RENEWED);
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
  lua_pushboolean(L, record_has_login(record));
  push_secret(L, &record->identity);
  push_secret(L, &record->token);
  push_secret(L, &record->refresh_token);
  if (record->expires <= 0.0)
    return 4;
  compatL_push_whole(L, record->expires);
  return 5;
}

/* The same as a table.
   ---@return table? credentials token, refresh_token, identity, expires_at (seconds since 1970);
   nil if there are none */
static int client_credential_data(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct record *record = recordL_push_copy(L, &client->credentials.record);
  if (!record_has_login(record))
    return 0;
  lua_createtable(L, 0, 4);
  push_secret(L, &record->identity);
  lua_setfield(L, -2, "identity");
  push_secret(L, &record->token);
  lua_setfield(L, -2, "token");
  push_secret(L, &record->refresh_token);
  lua_setfield(L, -2, "refresh_token");
  if (record->expires > 0.0) {
    compatL_push_whole(L, record->expires);
    lua_setfield(L, -2, "expires_at");
  }
  return 1;
}

/* Appends name and value of each header that has one, both with a NUL at the end. A lack of memory
   shows in `to->failed`. */
static void append_headers(const struct api_client *client, struct buffer *to) {
  const struct login_values *values = &client->values;
  const struct profile_list *headers = &client->profile.headers;
  for (size_t i = 0; i < headers->count; i++) {
    const struct profile_item *header = &headers->list[i];
    size_t start = to->length;
    unsigned value = 0;
    if (template_missing(&header->value, values) >= 0)
      continue;
    buffer_append(to, header->text, strlen(header->text) + 1);
    if (template_fill(&header->value, values, to, &value) == TEMPLATE_FILLED)
      buffer_append(to, "", 1);
    else
      to->length = start;
  }
}

/* Appends the identity as a header of the name that it has in the query. */
static void append_identity(const struct api_client *client, struct buffer *to) {
  const char *name = client->profile.identity_query;
  const struct secret *identity = &client->credentials.record.identity;
  if (*name == '\0' || identity->length == 0)
    return;
  buffer_append(to, name, strlen(name) + 1);
  buffer_append(to, identity->bytes, identity->length + 1);
}

/* The headers that authenticate a request, for another HTTP library.
   ---@return table<string, string>? headers nil, "missing" or "stale", code, message */
static int client_headers(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct failure failure = {0};
  struct buffer *pairs = argumentsL_new_buffer(L, MIC_HEADER_BLOCK_MAX, true);
  if (!api_client_may_send(client, true, &failure))
    return argumentsL_push_failure(L, &failure);
  /* All at once: a finalizer may close the client when something is pushed. */
  append_headers(client, pairs);
  append_identity(client, pairs);
  if (pairs->failed)
    return argumentsL_raise_memory(L);
  lua_createtable(L, 0, 3);
  for (size_t at = 0; at < pairs->length;) {
    const char *name = pairs->data + at, *value = name + strlen(name) + 1;
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
    at = (size_t)(value - pairs->data) + strlen(value) + 1;
  }
  return 1;
}

/* Whether a login or a refresh can be sent.
   ---@param what "login"|"refresh"
   ---@param username? string nil: that of the options
   ---@param password? string nil: that of the options
   ---@return boolean able
   ---@return string? lacks the name of a value that is not set; nil if this API has no such request
 */
static int client_can(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  const struct profile *profile = &client->profile;
  bool login = argumentsL_choice(L, 2, "login\0refresh\0") == 0;
  struct secret given[2] = {client->username, client->known.password};
  /* Only whether they are there: the bytes are not read. */
  static char present[] = "";
  for (int i = 0; i < 2; i++)
    if (lua_type(L, 3 + i) == LUA_TSTRING)
      given[i] = (struct secret){present, 0};
  const char *lacks =
      api_client_lacks(client, login ? &profile->login : &profile->refresh, &given[0], &given[1]);
  lua_pushboolean(L, lacks == NULL);
  if (lacks == NULL || *lacks == '\0')
    return 1;
  lua_pushstring(L, lacks);
  return 2;
}

/* Sets the password that calls carry, of a profile without login.
   ---@param password? string nil: there is none any more */
static int client_set_password(lua_State *L) {
  struct api_client *client = clientL_check(L, 1);
  size_t length = 0;
  const char *password = luaL_optlstring(L, 2, NULL, &length);
  if (client->closed)
    return 0;
  struct secret *own = &client->known.password;
  if (own->bytes != NULL && !known_secrets_sent(&client->known, own->bytes, own->length))
    return argumentsL_raise_memory(L); /* a late answer may echo it */
  secret_clear(own);
  if (password != NULL && !secret_set(own, password, length))
    return argumentsL_raise_memory(L);
  credentials_touch(&client->credentials);
  return 0;
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
                                                    {"make_record", client_make_record},
                                                    {"record", client_record},
                                                    {"holds", client_holds},
                                                    {"can", client_can},
                                                    {"set_password", client_set_password},
                                                    {"forget", client_forget},
                                                    {"credentials", client_credentials},
                                                    {"credential_data", client_credential_data},
                                                    {"headers", client_headers},
                                                    {"mask", clientL_mask},
                                                    {"", NULL}};
