#include "../core/base.h"

#include <string.h>

#include "profile.h"

/* ---- values ---- */

enum { OWN_SECRETS_MAX = 16 }; /* a mask has room for them, and for 16 that the client knows */

/* Reads a table of texts by name, which the Lua layer has checked. [0, 0] */
static void read_values(lua_State *L, int config, const char *option, bool is_secret,
                        struct own_values *own) {
  int count = 0;
  if (argumentsL_field(L, config, option) == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      size_t length = 0;
      if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
        argumentsL_raise(L, "%s must map names to strings", option);
      const char *text = lua_tolstring(L, -1, &length);
      if (length > MIC_SECRET_MAX || (is_secret && ++count > OWN_SECRETS_MAX))
        argumentsL_raise(L, "%s has too many or too long values", option);
      if (!own_values_add(own, lua_tostring(L, -2), text, length, is_secret))
        argumentsL_raise_memory(L);
    }
  }
  lua_pop(L, 1);
}

static void read_secret(lua_State *L, int config, const char *option, struct secret *into) {
  size_t length = 0;
  const char *text = argumentsL_string(L, config, option, &length);
  if (text != NULL && length > MIC_SECRET_MAX)
    argumentsL_raise(L, "%s must not be longer than 10240 bytes", option);
  if (text != NULL && !secret_set(into, text, length))
    argumentsL_raise_memory(L);
}

/* ---- fields ---- */

/* Raises what is wrong with a field, and where. `index`: the element of a list; 0: no list. */
static void raise_problem(lua_State *L, const char *field, int index,
                          const struct template_problem *problem) {
  if (strcmp(problem->what, template_no_memory) == 0)
    argumentsL_raise_memory(L);
  lua_pushfstring(L, index > 0 ? "profile.%s[%d]" : "profile.%s", field, index);
  if (problem->at > 0)
    lua_pushfstring(L, "%s (character %d):", lua_tostring(L, -1), (int)problem->at);
  argumentsL_raise(L, "%s %s", lua_tostring(L, -1), problem->what);
}

/* Reads the text on the top, or { status, text } of which the text may be nil. [0, 0] */
static void read_text(lua_State *L, struct profile *profile, const struct profile_field *field,
                      int index, const struct login_values *values) {
  struct template_problem problem = {"must be { status, text }", 0};
  size_t length = 0;
  double status = 0.0;
  bool is_answer = field->kind == FIELD_ANSWERS && lua_istable(L, -1);
  if (is_answer) {
    lua_rawgeti(L, -1, 1);
    status = lua_tonumber(L, -1);
    lua_pop(L, 1);
    lua_rawgeti(L, -1, 2);
  }
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
  bool good = is_answer ? status >= 100.0 && status <= 599.0 && (text != NULL || lua_isnil(L, -1))
                        : text != NULL && field->kind != FIELD_ANSWERS;
  if (!good || !profile_set(profile, field, text, length, (long)status, values, &problem))
    raise_problem(L, field->name, index, &problem);
  lua_pop(L, is_answer ? 1 : 0);
}

/* Reads a field of the row, if it is there. The Lua layer has checked the types. [0, 0] */
static void read_field(lua_State *L, int row, const struct profile_field *field,
                       struct profile *profile, const struct login_values *values) {
  int type = argumentsL_field(L, row, field->name);
  int count = type == LUA_TTABLE && field->kind >= FIELD_HEADERS ? (int)compat_rawlen(L, -1) : 0;
  if (type == LUA_TSTRING && field->kind < FIELD_HEADERS)
    read_text(L, profile, field, 0, values);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    read_text(L, profile, field, i, values);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* ---- rules about the whole ---- */

static void refuse_values(lua_State *L, const char *field, unsigned uses) {
  unsigned value = 0;
  while (value < VALUE_OWN && (uses & VALUE_BIT(value)) == 0)
    value++;
  if (value < VALUE_OWN)
    argumentsL_raise(L, "profile.%s must not contain {%s}, because auth_url is another origin",
                     field, login_value_name(NULL, value));
}

/* With two origins, each secret has one: what logs in is for auth_url, the token is for base_url.
 */
static void check_origins(lua_State *L, const struct api_client *client) {
  const unsigned of_login = VALUE_BIT(VALUE_PASSWORD) | VALUE_BIT(VALUE_CLIENT_SECRET) |
                            VALUE_BIT(VALUE_REFRESH_TOKEN) | VALUE_BIT(VALUE_BASIC) |
                            VALUE_BIT(VALUE_CLIENT_BASIC);
  const struct profile *profile = &client->profile;
  if (client->auth_base.root == NULL ||
      url_compare(&client->base, client->auth_base.root) == URL_OK)
    return;
  refuse_values(L, "headers", profile->headers.uses & of_login);
  refuse_values(L, "login", profile_request_uses(&profile->login) & VALUE_BIT(VALUE_TOKEN));
  refuse_values(L, "refresh", profile_request_uses(&profile->refresh) & VALUE_BIT(VALUE_TOKEN));
}

static void read_auth_url(lua_State *L, int config, struct api_client *client) {
  size_t length = 0;
  const char *text = argumentsL_hold_string(L, config, "auth_url", &length);
  if (text != NULL) {
    const char *problem =
        url_base_set(&client->auth_base, text, length, client->base.allow_insecure);
    if (problem != NULL)
      argumentsL_raise_url(L, "auth_url", problem);
    client->auth_url = strndup(text, length);
    if (client->auth_url == NULL)
      argumentsL_raise_memory(L);
  }
  lua_pop(L, 1);
}

static void read_row(lua_State *L, int row, struct api_client *client) {
  struct profile *profile = &client->profile;
  profile->is_default = argumentsL_boolean(L, row, "is_default");
  profile->by_function = argumentsL_boolean(L, row, "by_function");
  profile->lifetime = argumentsL_positive(L, row, "lifetime", 0.0);
  profile->never_expires = argumentsL_field(L, row, "expires") == LUA_TBOOLEAN;
  for (size_t i = 0; i < PROFILE_FIELDS; i++)
    read_field(L, row, &profile_fields[i], profile, &client->values);
  if (profile->name[0] == '\0')
    argumentsL_raise(L, "profile.name is required: a string");
}

void profileL_read(lua_State *L, int config, struct api_client *client) {
  int top = lua_gettop(L);
  read_secret(L, config, "username", &client->username);
  read_secret(L, config, "password", &client->known.password);
  read_secret(L, config, "client_id", &client->client_id);
  read_secret(L, config, "client_secret", &client->client_secret);
  if (!known_secrets_client(&client->known, &client->client_secret))
    argumentsL_raise_memory(L);
  read_values(L, config, "values", false, &client->own);
  read_values(L, config, "secrets", true, &client->own);
  read_auth_url(L, config, client);
  if (argumentsL_field(L, config, "profile") == LUA_TTABLE)
    read_row(L, top + 1, client);
  lua_settop(L, top);
  check_origins(L, client);
}
