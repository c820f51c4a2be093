/* The values that fill the templates of a profile: built-in ones, and those that the user names. */
#ifndef MIC_LOGIN_VALUES_H
#define MIC_LOGIN_VALUES_H

#include "../base.h"
#include "../text/buffer.h"
#include "../text/secret.h"

MIC_PRIVATE_BEGIN

/* Built-in values. The two last are computed: base64 of "username:password", and of
   "client_id:client_secret" with both form-encoded first (RFC 6749, 2.3.1). */
enum login_value {
  VALUE_USERNAME,
  VALUE_PASSWORD,
  VALUE_CLIENT_ID,
  VALUE_CLIENT_SECRET,
  VALUE_API_KEY,
  VALUE_TOKEN,
  VALUE_REFRESH_TOKEN,
  VALUE_IDENTITY,
  VALUE_BASIC,
  VALUE_CLIENT_BASIC,
  VALUE_OWN /* the first of the user's own */
};

/* A set of built-in values is a set of these bits. */
#define VALUE_BIT(value) (1u << (value))

/* A value that is never set: of an optional placeholder whose name has no value. */
#define VALUE_NONE 0xffffu

struct own_value {
  char *name;         /* owned */
  struct secret text; /* may be empty, which is a value */
  bool is_secret;     /* masked, and never shown */
};

struct own_values {
  struct own_value *list; /* owned; sorted by name */
  size_t count;
};

/* Everything that a template may ask for at one moment. All members are borrowed. */
struct login_values {
  const struct secret *built_in[VALUE_BASIC]; /* NULL or unset: no value */
  const struct own_values *own;
};

/* Adds a value. False if out of memory. The name must be new. The numbers of
   others change, so no template may know them yet. */
bool own_values_add(struct own_values *own, const char *name, const char *text, size_t length,
                    bool is_secret);
void own_values_clear(struct own_values *own);

/* The number of this name; -1 if there is none. */
int login_value_find(const struct own_values *own, const char *name, size_t length);
const char *login_value_name(const struct own_values *own, unsigned value);
bool login_value_is_set(const struct login_values *values, unsigned value);
/* The value, which must be set; NULL if it is computed. */
const struct secret *login_value_text(const struct login_values *values, unsigned value);
/* The first value of a set that is not set; -1 if all are. */
int login_value_missing(const struct login_values *values, unsigned bits);
/* Appends the value as it is. It must be set. A failure shows in `to->failed`. */
void login_value_append(const struct login_values *values, unsigned value, struct buffer *to);
/* Built-in values that need neither a login nor the user's login data. */
#define VALUES_WITHOUT_LOGIN VALUE_BIT(VALUE_API_KEY)
/* True if it may get its value after the client was made. */
bool login_value_may_come_late(unsigned value);

MIC_PRIVATE_END
#endif
