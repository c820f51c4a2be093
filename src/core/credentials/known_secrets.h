/* Secrets that an answer may echo, kept only for masking. Wiped when the client is closed. */
#ifndef MIC_KNOWN_SECRETS_H
#define MIC_KNOWN_SECRETS_H

#include "../base.h"
#include "../text/secret.h"
#include "../text/secret_finder.h"
#include "credentials.h"

MIC_PRIVATE_BEGIN

enum { SENT_PASSWORDS = 2 };

struct known_secrets {
  struct secret password;             /* of the client's options */
  struct secret sent[SENT_PASSWORDS]; /* of the last logins, newest first */
  struct secret proxy_password;
  struct secret client_form; /* the client's secret, form-encoded: a header has the base64 of it */
};

/* Adds the password of a login. False if out of memory. */
bool known_secrets_sent(struct known_secrets *known, const char *password, size_t length);
/* Adds the password in a proxy's URL; NULL: in the proxy variables that libcurl reads. False if out
   of memory. */
bool known_secrets_proxy(struct known_secrets *known, const char *url);
/* Adds the secret of an OAuth2 client as {client_basic} has it. False if out of memory. */
bool known_secrets_client(struct known_secrets *known, const struct secret *client_secret);
void known_secrets_add(const struct known_secrets *known, struct mask *mask);
void known_secrets_add_record(const struct record *record, bool identity, struct mask *mask);
void known_secrets_clear(struct known_secrets *known);

MIC_PRIVATE_END
#endif
