/* API client without Lua: one base URL, one API key, one set of credentials. Adds the credentials
   to requests, refuses to send if they are missing or stale, builds login and refresh requests, and
   parses their replies. */
#ifndef MIC_API_CLIENT_H
#define MIC_API_CLIENT_H

#include <curl/curl.h>

#include "auth_place.h"
#include "base.h"
#include "credentials/credentials.h"
#include "credentials/known_secrets.h"
#include "credentials/profile.h"
#include "engine/engine.h"
#include "process/clock.h"
#include "text/secret.h"
#include "text/url.h"
#include "transfer/connections.h"
#include "transfer/exchange.h"

MIC_PRIVATE_BEGIN

enum auth_wish { AUTH_BY_PATH, AUTH_YES, AUTH_NO };
/* What transcripts of the exchanges hold: see transcript.h. */
enum transcripts { TRANSCRIPTS_OFF, TRANSCRIPTS_OF_HEADS, TRANSCRIPTS_WITH_BODIES };

struct api_client {
  struct engine *engine; /* borrowed; NULL: transfers run in the waiting caller */
  bool closed;
  bool last_was_sent; /* of the last failure that was read; false: certainly nothing was sent */
  enum transcripts transcripts;
  uint64_t exchanges;                 /* number started so far */
  double timeout, connect_timeout;    /* seconds */
  size_t max_response_size;           /* bytes */
  size_t max_size;                    /* bytes of a download; 0: no limit */
  struct header_snapshot *open_lines; /* header lines of calls without credentials */
  struct header_snapshot *bare_lines; /* header lines of calls without credentials and API key */
  struct clock clock;

  struct url_base base;
  struct url_base auth_base; /* of login and refresh; its root is NULL if that is `base` */
  char *auth_url;            /* owned: as the user wrote it; or NULL */
  struct auth_place login_place, refresh_place;
  struct secret api_key, client_id, client_secret;
  struct secret username;     /* of the client's options */
  struct own_values own;      /* values that the user named for the profile's templates */
  struct login_values values; /* of the options and the credentials here */
  struct credentials credentials;
  struct known_secrets known;
  struct connections connections;
  struct profile profile;
};

struct api_call {
  const char *path; /* valid (url_path_problem); may have a ?query */
  size_t path_length;
  const char *url; /* replaces path: absolute, NUL-terminated, valid (url_check) */
  struct url_facts url_facts;
  bool guarded; /* result of redirect_problem for the URL */
  enum auth_wish auth;
  bool allow_stale; /* accepts a token in the mandatory refresh window */
  bool bare;        /* sends no header of the profile */
};

/* Notes where login and refresh go, once the profile is set. False if out of memory. */
bool api_client_find_places(struct api_client *client);

/* NULL if one of the client's calls may carry this header, else what is wrong, as a phrase after
   `header "x" `. `own`: the call has auth = false, so the names of the profile are allowed. */
const char *api_client_call_header_problem(const struct api_client *client, const char *name,
                                           size_t name_length, const char *value,
                                           size_t value_length, bool own);

/* Both start `exchange`, or ends it at once with its failure and sends nothing.
   The caller initialises it and sets kind, method, body, lines, and timeouts other than the
   defaults. */
void api_client_request(struct api_client *client, struct exchange *exchange,
                        const struct api_call *call);
/* A login or refresh: that is the kind of the exchange. `username` and `password` are unset where
   the profile does not use them. */
void api_client_authenticate(struct api_client *client, struct exchange *exchange,
                             const struct secret *username, const struct secret *password);

/* NULL if the client can send such a request, else the name of the value that it lacks; "" if the
   profile has no such request. `username` and `password`: as for api_client_authenticate. */
const char *api_client_lacks(const struct api_client *client, const struct profile_request *request,
                             const struct secret *username, const struct secret *password);
/* Prepares a zeroed client. */
void api_client_open(struct api_client *client);
/* Whether calls can be sent. A profile whose headers need no login is always fresh. */
enum freshness api_client_freshness(const struct api_client *client);

/* True if api_client_request would send this call now. */
bool api_client_is_ready(const struct api_client *client, const char *method,
                         const struct api_call *call);

/* Blocks the caller until `exchange` is done or has a piece or progress (NULL: until any is done),
   `seconds` have passed, or `interrupted` returns true. Without an engine it runs the transfers. */
void api_client_wait(struct api_client *client, struct exchange *exchange, double seconds,
                     bool (*interrupted)(void *context), void *context);
/* Ends a running exchange with this failure. Does nothing if it is done. */
void api_client_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);

/* Processes the result of an exchange. Of a login or refresh: moves the secrets into
   exchange->record, masks them in the body, and sets exchange->absorbed and ->problem. Reads the
   server's clock from the reply. Idempotent. */
void api_client_absorb(struct api_client *client, struct exchange *exchange);
enum answer_meaning api_client_meaning(const struct api_client *client,
                                       const struct exchange *exchange);
/* True if the credentials may be sent now, else the failure says why not. `allow_stale`: a token
   that is about to expire is accepted. */
bool api_client_may_send(const struct api_client *client, bool allow_stale,
                         struct failure *failure);
/* Sets the marks by which a record is known as one of this client. False if out of memory. */
bool api_client_mark_record(const struct api_client *client, struct record *record);
/* True if the record is for this base URL and profile. */
bool api_client_made_record(const struct api_client *client, const struct record *record);
/* Adds every secret that an answer may echo. `identity`: also the one that identifies the user. */
void api_client_secrets(const struct api_client *client, bool identity, struct mask *mask);
/* Writes text[0..limit) to `out` with `***` for each secret of the client and of `other`, which may
   be NULL. `out` needs max(limit, 3) bytes. Bytes behind the limit help to find a secret that it
   cuts. Returns the number of bytes written; -1 if out of memory. Not for a closed client, which
   knows no secrets. */
ptrdiff_t api_client_mask(const struct api_client *client, const struct record *other,
                          const char *text, size_t length, size_t limit, char *out);
/* api_client_close ends all exchanges and wipes the secrets. The base URL, which is not secret,
   stays until api_client_free. */
void api_client_close(struct api_client *client);
void api_client_free(struct api_client *client);

MIC_PRIVATE_END
#endif
