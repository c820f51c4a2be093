/* One HTTP exchange on one easy handle: what is sent, what came back, how it ended. */
#ifndef MIC_EXCHANGE_H
#define MIC_EXCHANGE_H

#include <curl/curl.h>

#include "base.h"
#include "buffer.h"
#include "credentials.h"
#include "failure.h"
#include "secret.h"

MIC_PRIVATE_BEGIN

enum exchange_kind { EXCHANGE_REQUEST, EXCHANGE_LOGIN, EXCHANGE_REFRESH };
enum exchange_state { EXCHANGE_NEW, EXCHANGE_RUNNING, EXCHANGE_DONE };

struct connections;

struct exchange_timings { /* seconds since the start */
  double name_lookup, connect, tls, first_byte, total;
};

struct exchange {
  enum exchange_kind kind;
  enum exchange_state state;
  unsigned number; /* tells the exchanges of a client apart */

  /* The request. Owned, but for `body`. */
  char method[24];
  struct buffer url_text;  /* NUL-terminated */
  size_t shown_url_length; /* without our identity member */
  CURLU *url;
  struct curl_slist *lines;         /* our own lines; see exchange_link_lines */
  struct curl_slist *last_own_line; /* where the shared lines are linked on */
  struct header_snapshot *snapshot; /* a reference */
  const char *body;                 /* borrowed: the binding anchors it, or it is secret_body's */
  size_t body_length;
  bool has_body;
  struct buffer secret_body; /* login and refresh */
  struct secret sent_secret; /* the password or refresh token in it, to be masked in the reply */
  struct record record;      /* before refresh: the old set; after absorbing: the new one */
  double generation;         /* of the credentials at the start */
  double timeout, connect_timeout; /* seconds */
  size_t max_size;                 /* bytes kept of the body */
  bool resend;                     /* libcurl may send once more on a fresh connection */

  /* The handle, while running. */
  CURL *easy;
  struct connections *connections; /* borrowed; NULL when not running */
  struct exchange *next, *previous;

  /* The answer. */
  struct buffer head; /* status line and fields of the last answer */
  struct buffer reply_body;
  bool head_ended;
  bool body_began;
  bool too_large;
  unsigned sendings;
  struct failure failure; /* kind FAILURE_NONE: there is an answer */
  long status;
  long http_version; /* CURL_HTTP_VERSION_* */
  bool new_connection;
  struct exchange_timings timings;
  char *content_type; /* owned; NULL when there is none */
  char *location;     /* absolute, owned; of a 3xx */

  /* What became of a login or refresh reply. */
  bool absorbed;
  bool show_body;
  char problem[96];
};

void exchange_init(struct exchange *exchange, enum exchange_kind kind);
/* Everything per request onto the easy handle, which may have served others before. */
CURLcode exchange_prepare(struct exchange *exchange, CURL *easy);
/* Reads the outcome off the handle. The handle is the caller's again afterwards. */
void exchange_finish(struct exchange *exchange, CURLcode code);
void exchange_fail(struct exchange *exchange, enum failure_kind kind, const char *code,
                   const char *message);
/* Sends `shared` after our own lines, without copying them; it must outlive the exchange. */
void exchange_link_lines(struct exchange *exchange, struct curl_slist *shared);
/* Frees everything; the exchange must not be running. */
void exchange_clear(struct exchange *exchange);

MIC_PRIVATE_END
#endif
