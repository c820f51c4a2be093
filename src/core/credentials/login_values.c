#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/escape.h"
#include "login_values.h"

static const char names[VALUE_OWN][14] = {
    "username", "password",      "client_id", "client_secret", "api_key",
    "token",    "refresh_token", "identity",  "basic",         "client_basic",
};

bool own_values_add(struct own_values *own, const char *name, const char *text, size_t length,
                    bool is_secret) {
  struct own_value *list = realloc(own->list, (own->count + 1) * sizeof *list);
  if (list == NULL)
    return false;
  own->list = list;
  struct own_value value = {.name = strdup(name), .is_secret = is_secret};
  if (value.name == NULL || !secret_set(&value.text, text, length)) {
    free(value.name);
    return false;
  }
  size_t at = own->count++;
  for (; at > 0 && strcmp(list[at - 1].name, name) > 0; at--)
    list[at] = list[at - 1];
  list[at] = value;
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

const char *login_value_name(const struct own_values *own, unsigned value) {
  return value < VALUE_OWN ? names[value] : own->list[value - VALUE_OWN].name;
}

int login_value_find(const struct own_values *own, const char *name, size_t length) {
  for (unsigned value = 0; value < VALUE_OWN + own->count; value++) {
    const char *known = login_value_name(own, value);
    if (strncmp(known, name, length) == 0 && known[length] == '\0')
      return (int)value;
  }
  return -1;
}

/* The two values that a computed one is made of. */
static unsigned first_of(unsigned value) {
  return value == VALUE_BASIC ? VALUE_USERNAME : VALUE_CLIENT_ID;
}

static bool is_computed(unsigned value) {
  return value == VALUE_BASIC || value == VALUE_CLIENT_BASIC;
}

const struct secret *login_value_text(const struct login_values *values, unsigned value) {
  if (value >= VALUE_OWN)
    return &values->own->list[value - VALUE_OWN].text;
  return value < VALUE_BASIC ? values->built_in[value] : NULL; /* NULL: it is computed */
}

bool login_value_is_set(const struct login_values *values, unsigned value) {
  if (value >= VALUE_OWN)
    return value != VALUE_NONE;
  if (is_computed(value))
    return login_value_is_set(values, first_of(value)) &&
           login_value_is_set(values, first_of(value) + 1);
  return values->built_in[value] != NULL && values->built_in[value]->bytes != NULL;
}

int login_value_missing(const struct login_values *values, unsigned bits) {
  for (unsigned value = 0; value < VALUE_OWN; value++)
    if ((bits & VALUE_BIT(value)) != 0 && !login_value_is_set(values, value))
      return (int)value;
  return -1;
}

void login_value_append(const struct login_values *values, unsigned value, struct buffer *to) {
  const struct secret *text = login_value_text(values, value);
  if (text != NULL) {
    buffer_append(to, text->bytes, text->length);
    return;
  }
  struct buffer pair;
  buffer_init(&pair, 8 * MIC_SECRET_MAX, true);
  for (unsigned part = first_of(value); part < first_of(value) + 2; part++) {
    text = values->built_in[part];
    if (value == VALUE_CLIENT_BASIC)
      escape_append(&pair, text->bytes, text->length, true);
    else
      buffer_append(&pair, text->bytes, text->length);
    if (part == first_of(value))
      buffer_append(&pair, ":", 1);
  }
  escape_append_base64(to, pair.data, pair.length);
  to->failed |= pair.failed;
  buffer_free(&pair);
}

bool login_value_may_come_late(unsigned value) {
  enum {
    LATE = VALUE_BIT(VALUE_USERNAME) | VALUE_BIT(VALUE_PASSWORD) | VALUE_BIT(VALUE_BASIC) |
           VALUE_BIT(VALUE_TOKEN) | VALUE_BIT(VALUE_REFRESH_TOKEN) | VALUE_BIT(VALUE_IDENTITY)
  };
  return value < VALUE_OWN && (VALUE_BIT(value) & LATE) != 0;
}
