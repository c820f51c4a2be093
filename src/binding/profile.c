#include "../core/base.h"

#include <string.h>

#include "../core/text/header.h"
#include "profile.h"

/* Raises what is wrong with a field, and where. `index`: the element of a list; 0: no list. */
static int raise_problem(lua_State *L, const char *field, size_t index,
                         const struct template_problem *problem) {
  if (strcmp(problem->what, template_no_memory) == 0)
    return argumentsL_raise_memory(L);
  lua_pushfstring(L, "profile.%s", field);
  if (index > 0) {
    lua_pushfstring(L, "[%d]", (int)index);
    lua_concat(L, 2);
  }
  if (problem->at > 0)
    return argumentsL_raise(L, "%s (character %d): %s", lua_tostring(L, -1), (int)problem->at,
                            problem->what);
  return argumentsL_raise(L, "%s %s", lua_tostring(L, -1), problem->what);
}

/* ---- values ---- */

static bool is_name(const char *name, size_t length) {
  for (size_t i = 0; i < length; i++) {
    char byte = name[i];
    bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
    if (!letter && (i == 0 || byte < '0' || byte > '9'))
      return false;
  }
  return length > 0;
}

enum { OWN_SECRETS_MAX = 16 }; /* a mask has room for them, and for 16 that the client knows */

/* Reads a table of texts by name. [0, 0] */
static void read_values(lua_State *L, int config, const char *option, bool is_secret,
                        struct own_values *own) {
  int type = argumentsL_field(L, config, option), count = 0;
  if (type != LUA_TTABLE && type != LUA_TNIL)
    argumentsL_raise(L, "%s must be a table (got %s)", option, lua_typename(L, type));
  if (type == LUA_TTABLE) {
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
      size_t length = 0, text_length = 0;
      if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
        argumentsL_raise(L, "%s must map names to strings", option);
      const char *name = lua_tolstring(L, -2, &length);
      const char *text = lua_tolstring(L, -1, &text_length);
      if (!is_name(name, length))
        argumentsL_raise(L, "%s has a name that is no name of a placeholder: letters, digits and _",
                         option);
      if (login_value_find(own, name, length) >= 0)
        argumentsL_raise(L, "%s must not set \"%s\", which has a value already", option, name);
      if (text_length > MIC_SECRET_MAX)
        argumentsL_raise(L, "%s must not hold a text longer than 10240 bytes (\"%s\")", option,
                         name);
      if (is_secret && ++count > OWN_SECRETS_MAX)
        argumentsL_raise(L, "%s must not hold more than %d texts", option, OWN_SECRETS_MAX);
      if (!own_values_add(own, name, text, text_length, is_secret))
        argumentsL_raise_memory(L);
      lua_pop(L, 1);
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

typedef bool set_text(void *into, const char *text, size_t length,
                      const struct login_values *values, struct template_problem *problem);

static bool set_request(void *into, const char *text, size_t length,
                        const struct login_values *values, struct template_problem *problem) {
  return profile_set_request(into, text, length, values, problem);
}

static bool set_body(void *into, const char *text, size_t length, const struct login_values *values,
                     struct template_problem *problem) {
  return profile_set_body(into, text, length, values, problem);
}

static bool set_member(void *into, const char *text, size_t length,
                       const struct login_values *values, struct template_problem *problem) {
  (void)values;
  return profile_set_member(into, text, length, problem);
}

static bool add_header(void *into, const char *text, size_t length,
                       const struct login_values *values, struct template_problem *problem) {
  return profile_add_header(into, text, length, values, problem);
}

static bool add_open(void *into, const char *text, size_t length, const struct login_values *values,
                     struct template_problem *problem) {
  (void)values;
  return profile_add_open(into, text, length, problem);
}

/* Reads a text, if the field has one. [0, 0] */
static void read_text(lua_State *L, int row, const char *field, set_text *set, void *into,
                      const struct login_values *values) {
  size_t length = 0;
  struct template_problem problem = {"", 0};
  if (argumentsL_field(L, row, field) == LUA_TSTRING) {
    const char *text = lua_tolstring(L, -1, &length);
    if (!set(into, text, length, values, &problem))
      raise_problem(L, field, 0, &problem);
  }
  lua_pop(L, 1);
}

/* Reads a list of texts. [0, 0] */
static void read_list(lua_State *L, int row, const char *field, set_text *add, void *into,
                      const struct login_values *values) {
  struct template_problem problem = {"", 0};
  size_t count = argumentsL_field(L, row, field) == LUA_TTABLE ? compat_rawlen(L, -1) : 0;
  for (size_t i = 1; i <= count; i++) {
    size_t length = 0;
    lua_rawgeti(L, -1, (int)i);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (text == NULL)
      argumentsL_raise(L, "profile.%s must be a list of strings", field);
    else if (!add(into, text, length, values, &problem))
      raise_problem(L, field, i, &problem);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Reads a list of { status, text }, of which the text may be absent. [0, 0] */
static void read_answers(lua_State *L, int row, const char *field, struct known_answers *answers) {
  struct template_problem problem = {"", 0};
  size_t count = argumentsL_field(L, row, field) == LUA_TTABLE ? compat_rawlen(L, -1) : 0;
  for (size_t i = 1; i <= count; i++) {
    size_t length = 0;
    lua_rawgeti(L, -1, (int)i);
    if (lua_type(L, -1) != LUA_TTABLE)
      argumentsL_raise(L, "profile.%s must be a list of { status, text }", field);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    double status = lua_tonumber(L, -2);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (!(status >= 100.0 && status <= 599.0) || (text == NULL && !lua_isnil(L, -1)) ||
        (text != NULL && length == 0))
      argumentsL_raise(L, "profile.%s[%d] must be { status, text }, such as { 401, \"expired\" }",
                       field, (int)i);
    if (!profile_add_answer(answers, (long)status, text, length, &problem))
      raise_problem(L, field, i, &problem);
    lua_pop(L, 3);
  }
  lua_pop(L, 1);
}

static enum time_unit read_unit(lua_State *L, int row) {
  static const char *const units[] = {"seconds", "milliseconds", "epoch", "iso"};
  size_t length = 0;
  const char *text = argumentsL_string(L, row, "expires_as", &length);
  int unit = 0;
  while (text != NULL && unit < 4 && strcmp(units[unit], text) != 0)
    unit++;
  if (unit == 4)
    argumentsL_raise(L, "profile.expires_as must be \"seconds\", \"milliseconds\", \"epoch\" or "
                        "\"iso\"");
  return (enum time_unit)unit;
}

static void copy_text(lua_State *L, int row, const char *field, char **into) {
  size_t length = 0;
  const char *text = argumentsL_string(L, row, field, &length);
  if (text == NULL)
    return;
  *into = strndup(text, length);
  if (*into == NULL)
    argumentsL_raise_memory(L);
}

static void read_request(lua_State *L, int row, const char *const fields[3],
                         struct profile_request *request, const struct login_values *values) {
  read_text(L, row, fields[0], set_request, request, values);
  read_text(L, row, fields[1], set_body, request, values);
  read_list(L, row, fields[2], add_header, &request->headers, values);
}

/* ---- rules about the whole ---- */

static int raise_origin(lua_State *L, const char *field, unsigned value) {
  return argumentsL_raise(L, "profile.%s must not hold {%s}, because auth_url is another origin",
                          field, login_value_name(NULL, value));
}

/* With two origins, each secret has one: what logs in is for auth_url, the token is for base_url.
 */
static void check_origins(lua_State *L, const struct api_client *client) {
  static const unsigned of_login[] = {VALUE_PASSWORD, VALUE_CLIENT_SECRET, VALUE_REFRESH_TOKEN,
                                      VALUE_BASIC, VALUE_CLIENT_BASIC};
  const struct profile *profile = &client->profile;
  if (client->auth_base.root == NULL ||
      url_compare(&client->base, client->auth_base.root) == URL_OK)
    return;
  for (size_t i = 0; i < sizeof of_login / sizeof of_login[0]; i++)
    if (profile_sends(profile, of_login[i], false))
      raise_origin(L, "headers", of_login[i]);
  if (profile_request_uses(&profile->login, VALUE_TOKEN))
    raise_origin(L, "login", VALUE_TOKEN);
  if (profile_request_uses(&profile->refresh, VALUE_TOKEN))
    raise_origin(L, "refresh", VALUE_TOKEN);
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
  static const char *const login_fields[] = {"login", "login_body", "login_headers"};
  static const char *const refresh_fields[] = {"refresh", "refresh_body", "refresh_headers"};
  struct profile *profile = &client->profile;
  const struct login_values made = api_client_values(client), *values = &made;
  size_t length = 0;
  const char *name = argumentsL_required_string(L, row, "name", &length);
  if (length == 0 || length > 64 || !header_can_carry(name, length))
    argumentsL_raise(L, "profile.name must be 1 to 64 visible characters");
  lua_pop(L, 1);
  copy_text(L, row, "name", &profile->name);
  profile->is_default = argumentsL_boolean(L, row, "is_default");
  profile->by_function = argumentsL_boolean(L, row, "by_function");
  read_request(L, row, login_fields, &profile->login, values);
  read_request(L, row, refresh_fields, &profile->refresh, values);
  read_text(L, row, "token", set_member, &profile->token, values);
  read_text(L, row, "refresh_token", set_member, &profile->refresh_token, values);
  read_text(L, row, "identity", set_member, &profile->identity, values);
  read_text(L, row, "expires", set_member, &profile->expires, values);
  profile->never_expires = argumentsL_field(L, row, "expires") == LUA_TBOOLEAN;
  lua_pop(L, 1);
  profile->expires_as = read_unit(L, row);
  profile->lifetime = argumentsL_positive(L, row, "lifetime", 0.0);
  read_list(L, row, "headers", add_header, &profile->headers, values);
  read_list(L, row, "open", add_open, profile, values);
  read_answers(L, row, "expired", &profile->expired);
  read_answers(L, row, "refused", &profile->refused);
  copy_text(L, row, "identity_query", &profile->identity_query);
}

void profileL_read(lua_State *L, int config, struct api_client *client) {
  int top = lua_gettop(L);
  read_secret(L, config, "username", &client->username);
  read_secret(L, config, "client_id", &client->client_id);
  read_secret(L, config, "client_secret", &client->client_secret);
  if (!known_secrets_client(&client->known, &client->client_secret))
    argumentsL_raise_memory(L);
  read_values(L, config, "values", false, &client->own);
  read_values(L, config, "secrets", true, &client->own);
  read_auth_url(L, config, client);
  int type = argumentsL_field(L, config, "profile");
  if (type != LUA_TTABLE && type != LUA_TNIL)
    argumentsL_raise(L, "profile must be a table (got %s)", lua_typename(L, type));
  if (type == LUA_TTABLE)
    read_row(L, lua_gettop(L), client);
  lua_settop(L, top);
  check_origins(L, client);
}
