#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/escape.h"
#include "login_values.h"

static const char *const names[VALUE_OWN] = {
    "username", "password",      "client_id", "client_secret", "api_key",
    "token",    "refresh_token", "identity",  "basic",         "client_basic",
};

bool own_values_add(struct own_values *own, const char *name, const char *text, size_t length,
                    bool is_secret) {
  struct own_value *list = realloc(own->list, (own->count + 1) * sizeof *list);
  if (list == NULL)
    return false;
  own->list = list;
  struct own_value *value = &list[own->count];
  memset(value, 0, sizeof *value);
  value->is_secret = is_secret;
  value->name = strdup(name);
  if (value->name == NULL || !secret_set(&value->text, text, length)) {
    free(value->name);
    return false;
  }
  own->count++;
  return true;
}

void own_values_clear(struct own_values *own) {
  for (size_t i = 0; i < own->count; i++) {
    free(own->list[i].name);
    secret_clear(&own->list[i].text);
  }
  free(own->list);
  own->list = NULL;
  own->count = 0;
}

static bool is_name(const char *known, const char *name, size_t length) {
  return strlen(known) == length && memcmp(known, name, length) == 0;
}

int login_value_find(const struct own_values *own, const char *name, size_t length) {
  for (int i = 0; i < VALUE_OWN; i++)
    if (is_name(names[i], name, length))
      return i;
  for (size_t i = 0; i < own->count; i++)
    if (is_name(own->list[i].name, name, length))
      return VALUE_OWN + (int)i;
  return -1;
}

const char *login_value_name(const struct own_values *own, unsigned value) {
  return value < VALUE_OWN ? names[value] : own->list[value - VALUE_OWN].name;
}

const struct secret *login_value_text(const struct login_values *values, unsigned value) {
  if (value == VALUE_BASIC || value == VALUE_CLIENT_BASIC)
    return NULL;
  return value >= VALUE_OWN ? &values->own->list[value - VALUE_OWN].text : values->built_in[value];
}

static bool is_set(const struct login_values *values, enum login_value value) {
  return values->built_in[value] != NULL && values->built_in[value]->bytes != NULL;
}

bool login_value_is_set(const struct login_values *values, unsigned value) {
  if (value == VALUE_NONE)
    return false;
  if (value == VALUE_BASIC)
    return is_set(values, VALUE_USERNAME) && is_set(values, VALUE_PASSWORD);
  if (value == VALUE_CLIENT_BASIC)
    return is_set(values, VALUE_CLIENT_ID) && is_set(values, VALUE_CLIENT_SECRET);
  return value >= VALUE_OWN || is_set(values, (enum login_value)value);
}

static enum buffer_status append_part(struct buffer *to, const struct secret *part, bool form) {
  return form ? escape_append_form(to, part->bytes, part->length)
              : buffer_append(to, part->bytes, part->length);
}

static enum buffer_status append_basic(struct buffer *to, const struct secret *name,
                                       const struct secret *password, bool form) {
  struct buffer pair;
  buffer_init(&pair, 8 * MIC_SECRET_MAX, true);
  enum buffer_status status = append_part(&pair, name, form);
  if (status == BUFFER_OK)
    status = buffer_append(&pair, ":", 1);
  if (status == BUFFER_OK)
    status = append_part(&pair, password, form);
  if (status == BUFFER_OK)
    status = escape_append_base64(to, pair.data, pair.length);
  buffer_free(&pair);
  return status;
}

enum buffer_status login_value_append(const struct login_values *values, unsigned value,
                                      struct buffer *to) {
  if (value == VALUE_BASIC)
    return append_basic(to, values->built_in[VALUE_USERNAME], values->built_in[VALUE_PASSWORD],
                        false);
  if (value == VALUE_CLIENT_BASIC)
    return append_basic(to, values->built_in[VALUE_CLIENT_ID],
                        values->built_in[VALUE_CLIENT_SECRET], true);
  const struct secret *text = login_value_text(values, value);
  return buffer_append(to, text->bytes, text->length);
}

bool login_value_may_come_late(unsigned value) {
  return value == VALUE_USERNAME || value == VALUE_PASSWORD || value == VALUE_BASIC ||
         value == VALUE_TOKEN || value == VALUE_REFRESH_TOKEN || value == VALUE_IDENTITY;
}

bool login_value_needs_login(unsigned value) {
  return value < VALUE_OWN && value != VALUE_API_KEY;
}
