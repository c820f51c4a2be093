#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../process/process_environment.h"
#include "../text/escape.h"
#include "../text/spelling.h"
#include "../text/utf8.h"
#include "known_secrets.h"

bool known_secrets_sent(struct known_secrets *known, const char *password, size_t length) {
  struct secret *newest = &known->sent[0];
  struct secret copy = {NULL, 0};
  if (!secret_set(&copy, password, length))
    return false;
  if (!secret_equal(newest, &copy))
    secret_move(&known->sent[1], newest);
  secret_move(newest, &copy);
  return true;
}

/* ---- proxy password ---- */

/* The password in a URL; NULL if there is none. */
static const char *password_in(const char *url, size_t *length) {
  const char *start = strstr(url, "://");
  start = start != NULL ? start + 3 : url;
  const char *colon = NULL, *at = NULL;
  for (const char *next = start; strchr("/?#", *next) == NULL; next++) {
    if (*next == ':' && colon == NULL && at == NULL)
      colon = next;
    else if (*next == '@')
      at = next;
  }
  if (colon == NULL || at == NULL)
    return NULL;
  *length = (size_t)(at - colon) - 1;
  return colon + 1;
}

/* libcurl sends it percent-decoded. */
static bool set_decoded(struct secret *secret, const char *text, size_t length) {
  if (!secret_set(secret, text, length))
    return false;
  size_t kept = 0;
  for (size_t i = 0; i < length; i++) {
    uint32_t byte = (unsigned char)secret->bytes[i];
    if (byte == '%' && hex_read(secret->bytes + i + 1, length - i - 1, 2, &byte))
      i += 2;
    secret->bytes[kept++] = (char)byte;
  }
  secret_wipe(secret->bytes + kept, length - kept);
  secret->length = kept;
  return true;
}

bool known_secrets_proxy(struct known_secrets *known, const char *url) {
  const size_t count = sizeof environment_proxies / sizeof environment_proxies[0];
  size_t length = 0;
  const char *password = url != NULL ? password_in(url, &length) : NULL;
  for (size_t i = 0; url == NULL && password == NULL && i < count; i++) {
    const char *value = getenv(environment_proxies[i]);
    password = value != NULL ? password_in(value, &length) : NULL;
  }
  return password == NULL || set_decoded(&known->proxy_password, password, length);
}

bool known_secrets_client(struct known_secrets *known, const struct secret *client_secret) {
  struct buffer form;
  if (client_secret->length == 0)
    return true;
  buffer_init(&form, 4 * MIC_SECRET_MAX, true);
  escape_append(&form, client_secret->bytes, client_secret->length, true);
  bool ok = !form.failed && secret_set(&known->client_form, form.data, form.length);
  buffer_free(&form);
  return ok;
}

/* ---- add to a mask ---- */

void known_secrets_add(const struct known_secrets *known, struct mask *mask) {
  mask_add(mask, &known->password);
  for (size_t i = 0; i < SENT_PASSWORDS; i++)
    mask_add(mask, &known->sent[i]);
  mask_add(mask, &known->proxy_password);
  mask_add(mask, &known->client_form);
}

void known_secrets_add_record(const struct record *record, bool identity, struct mask *mask) {
  mask_add(mask, &record->token);
  mask_add(mask, &record->refresh_token);
  if (identity)
    mask_add(mask, &record->identity);
}

void known_secrets_clear(struct known_secrets *known) {
  secret_clear(&known->password);
  for (size_t i = 0; i < SENT_PASSWORDS; i++)
    secret_clear(&known->sent[i]);
  secret_clear(&known->proxy_password);
  secret_clear(&known->client_form);
}
