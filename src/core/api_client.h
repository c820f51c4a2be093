/* A complete client without Lua: one base URL, one API key, one set of credentials. It attaches the
   credentials, refuses to send when they are missing or stale, composes login and refresh, and
   absorbs their replies. */
#ifndef MIC_API_CLIENT_H
#define MIC_API_CLIENT_H

#include <curl/curl.h>

#include "base.h"
#include "credentials/credentials.h"
#include "credentials/known_secrets.h"
#include "credentials/profile.h"
#include "engine/drive.h"
#include "process/clock.h"
#include "text/secret.h"
#include "text/url.h"
#include "transfer/connections.h"
#include "transfer/exchange.h"

MIC_PRIVATE_BEGIN

enum identity_place { IDENTITY_IN_HEADER, IDENTITY_IN_QUERY, IDENTITY_NOWHERE };
enum auth_wish { AUTH_BY_PATH, AUTH_YES, AUTH_NO };

struct api_client {
  const struct api_profile *profile;
  struct url_base base;
  struct secret api_key;
  enum identity_place identity;
  double timeout, connect_timeout; /* seconds */
  size_t max_response_size;        /* bytes */
  size_t max_size;                 /* bytes of a download; 0: any number */
  struct clock clock;
  struct credentials credentials;
  struct known_secrets known;
  struct connections connections;
  struct engine *engine;              /* borrowed: who drives; NULL: whoever waits */
  struct header_snapshot *open_lines; /* what goes with calls that carry no credentials */
  struct header_snapshot *bare_lines; /* what goes with those that carry no API key either */
  uint64_t exchanges;                 /* started so far */
  bool last_was_sent; /* of the exchange whose failure was read last: false, provably nothing was */
  bool closed;
};

struct api_call {
  const char *path; /* checked by url_path_problem; may hold ?query */
  size_t path_length;
  const char *url; /* instead of path: absolute, NUL-terminated, checked by url_check */
  struct url_facts url_facts;
  bool guarded; /* of redirect_problem, for that URL */
  enum auth_wish auth;
  bool allow_stale; /* a token inside the mandatory window will do */
  bool no_api_key;  /* the caller's lines bring one, or it may not go there */
};

/* NULL when the caller may send this header; else what is wrong, as a phrase after
   `header "x" `. `own` true: the call said auth = false, so the client's own names are free. */
const char *api_client_header_problem(const struct api_profile *profile, const char *name,
                                      size_t name_length, const char *value, size_t value_length,
                                      bool own);

/* Each of the three starts `exchange` (initialised, of the right kind, method, body, lines,
   timeouts set where the caller wants others) or ends it at once with its failure, nothing sent. */
void api_client_request(struct api_client *client, struct exchange *exchange,
                        const struct api_call *call);
void api_client_login(struct api_client *client, struct exchange *exchange, const char *username,
                      size_t username_length, const char *password, size_t password_length);
void api_client_refresh(struct api_client *client, struct exchange *exchange);

/* Whether api_client_request would send this call now. */
bool api_client_is_ready(const struct api_client *client, const struct api_call *call);

/* After a login or refresh is done: moves the secrets out of the reply into exchange->record, masks
   them in the body, and says in exchange->absorbed and ->problem how it went. Learns the server's
   clock from every reply. Idempotent. */
void api_client_absorb(struct api_client *client, struct exchange *exchange);
enum answer_meaning api_client_meaning(const struct api_client *client,
                                       const struct exchange *exchange);
/* True when the credentials may go out now; else the failure says why not. With `allow_stale` a
   token that is about to expire will do. */
bool api_client_may_send(const struct api_client *client, bool allow_stale,
                         struct failure *failure);
/* Adds every secret that an answer may echo, with `identity` what names the user too. */
void api_client_secrets(const struct api_client *client, bool identity, struct mask *mask);
/* Ends what is under way and wipes the secrets. The base URL, no secret, stays until the other. */
void api_client_close(struct api_client *client);
void api_client_free(struct api_client *client);

MIC_PRIVATE_END
#endif
