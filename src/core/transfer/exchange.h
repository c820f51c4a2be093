/* One HTTP transfer on one easy handle: the request, the answer, and the outcome. exchange.c has
   its life cycle, exchange_connection.c the choice of its connection, exchange_head.c the head of
   its answer, and exchange_flow.c the other callbacks of libcurl. */
#ifndef MIC_EXCHANGE_H
#define MIC_EXCHANGE_H

#include <curl/curl.h>

#include "../base.h"
#include "../credentials/credentials.h"
#include "../process/idle_clock.h"
#include "../text/buffer.h"
#include "../text/content_decoder.h"
#include "../text/failure.h"
#include "../text/secret.h"
#include "../text/url.h"
#include "download_file.h"
#include "kept_socket.h"
#include "refusal.h"
#include "upload_file.h"

MIC_PRIVATE_BEGIN

enum exchange_kind { EXCHANGE_REQUEST, EXCHANGE_LOGIN, EXCHANGE_REFRESH };
enum exchange_state { EXCHANGE_NEW, EXCHANGE_RUNNING, EXCHANGE_DONE };

struct connections;
struct engine_job;

struct exchange_timings { /* seconds since the start */
  double name_lookup, connect, tls, first_byte, total;
};

/* Progress of a body, in bytes. `total` is negative while it is unknown. */
struct exchange_progress {
  bool wanted;
  bool changed; /* since it was last read */
  double now, total;
};

struct exchange {
  enum exchange_kind kind;
  enum exchange_state state;
  uint64_t number; /* unique within a client, once started; 0: not started */

  /* The request. All members are owned, except `body`. */
  char method[24];
  struct buffer url_text;           /* NUL-terminated */
  size_t shown_url_length;          /* without our identity member */
  struct url_parsed parsed;         /* url_text parsed, or the URL of the previous use */
  struct curl_slist *lines;         /* own header lines; see exchange_link_lines */
  struct curl_slist *sent_lines;    /* own and shared lines, or the shared alone; borrowed */
  struct curl_slist *last_own_line; /* the shared lines follow it */
  struct header_snapshot *snapshot; /* a reference: header lines of calls with credentials */
  struct header_snapshot *open;     /* a reference: header lines of calls without credentials */
  const char *body;                 /* borrowed: anchored by the binding, or owned by secret_body */
  size_t body_length;
  bool has_body;
  struct buffer secret_body;     /* of a login or refresh */
  struct secret sent_secret;     /* the password or refresh token in it, masked in the reply */
  struct record record;          /* of a refresh: the old record before it, the new one after it */
  double generation;             /* of the credentials, at the start */
  struct upload_file upload;     /* replaces `body` */
  struct download_file download; /* receives a 2xx body instead of reply_body */
  bool stream;                   /* deliver a 2xx body in pieces */
  struct exchange_progress progress;
  double timeout, connect_timeout; /* seconds; timeout 0: none */
  struct idle_clock idle;          /* limits the time without progress of a body */
  bool share_connection; /* wait for a connection that multiplexes rather than open another */
  bool direct;           /* bypasses all proxies; connects to this machine only */
  bool guarded;          /* never connects to this machine */
  size_t max_size;       /* limit of the body in memory, in bytes */
  size_t max_file_size;  /* limit of the download, in bytes; 0: none */
  bool resend;           /* libcurl may send it again on a new connection */

  /* The handle, while running. */
  CURL *easy;
  struct connections *connections; /* borrowed; NULL if not running */
  struct kept_sockets *sockets;    /* borrowed: of the multi handle that runs the transfer */
  double sent_at;                  /* idle_clock_now at the last start of sending */
  struct list_link running;        /* in the list of `connections` */
  unsigned long socket;            /* number of the socket that carried the request; 0: none yet */
  bool kept_http1;                 /* the socket carried an HTTP/1.x answer before */
  bool early;            /* not sent: the connection had unread bytes, which cannot be the answer */
  bool anew;             /* start again ourselves, instead of letting libcurl resend */
  bool tried;            /* sent since the last start */
  bool worn;             /* libcurl resent it, and may now report other failures as a refusal */
  bool fresh;            /* never uses a kept connection again */
  bool listening;        /* the debug callback is on: see exchange_cb_debug */
  struct list_link sent; /* in the sockets' list of those sent in this round: see exchange_listen */
  struct refusal refusal;
  struct engine_job *job; /* an engine has the content; see engine.h */

  /* The answer. */
  struct buffer head; /* status line and fields of the last answer */
  struct buffer reply_body;
  bool head_ended;
  bool has_length; /* Content-Length is present and not 0 */
  bool body_began;
  bool folded;                     /* head had a folded line; see exchange_head.c */
  bool encoded;                    /* the last answer has a Content-Encoding */
  struct content_decoder *decoder; /* owned; NULL: the body is kept as received */
  enum content_status content;     /* the decoder's status */
  bool flows;                      /* a 2xx body, which goes to the stream or the file */
  bool paused;                     /* libcurl holds a piece back until the stream has room */
  unsigned fields;                 /* number of fields in the head so far */
  uint64_t written;                /* bytes of the download so far */
  const char *too_large;           /* why the answer was rejected, static; NULL: it was not */
  bool no_memory;
  int socket_error; /* errno of a failed socket(); 0: none */
  bool head_only;   /* the answer to a HEAD with a body: stopped after its head */
  bool misled;      /* the connection would go where this exchange must not */
  unsigned sendings;
  unsigned sent_again;    /* count of exchange_rewind */
  struct failure failure; /* FAILURE_NONE: there is an answer */
  long status;
  long http_version; /* CURL_HTTP_VERSION_* */
  bool new_connection;
  struct exchange_timings timings;
  char *content_type; /* owned; or NULL */
  char *location;     /* owned; of a 3xx */
  bool is_foreign;    /* the location is not http or https; kept as received */
  bool on_loopback;   /* a 3xx from this machine, or from a proxy on it */

  /* The result of a login or refresh reply. */
  bool read; /* its secrets were taken out and masked */
  bool absorbed;
  bool refused; /* as the reply came */
  bool show_body;
  char problem[160];
};

void exchange_init(struct exchange *exchange, enum exchange_kind kind);
/* Sets the options that all exchanges need on a new easy handle. */
CURLcode exchange_configure(CURL *easy);
/* Sets all options of one request on the easy handle, which may be a reused one. */
CURLcode exchange_prepare(struct exchange *exchange, CURL *easy);
/* Removes from the handle what the exchange owns. The other options stay. */
void exchange_leave(const struct exchange *exchange, CURL *easy);
/* True if the exchange failed with `code` only because of its connection and is ready to start
   again: see exchange_connection.c. It may have another handle then. */
bool exchange_rewind(struct exchange *exchange, CURLcode code);
/* Called by the callbacks at the end of an answer's head. */
void exchange_note_head(struct exchange *exchange);
/* A digest of scheme, host and port. A collision costs a handshake at most. */
uint64_t exchange_origin(const struct exchange *exchange);
/* Decrements the users of the socket. Call it once, at the end. */
void exchange_leave_socket(const struct exchange *exchange);
/* Called by the callbacks when bytes of the answer arrive. */
void exchange_note_heard(struct exchange *exchange);
/* Turns on the debug callback of the exchanges sent in this round. Call it after each call of the
   multi handle with these sockets, and before reading its messages. Debug output during sending as
   well would cost a fifth of a call. */
void exchange_listen(struct kept_sockets *sockets);
/* Removes an ended exchange from the list of those sent. */
void exchange_stop_listening(struct exchange *exchange);
/* The part of exchange_leave that concerns the connection. */
void exchange_leave_connection(const struct exchange *exchange, CURL *easy);
/* Converts a timeout for libcurl: at least 1 ms; 0 if there is no limit. */
long exchange_milliseconds(double seconds);
/* Reads the outcome from the handle, which the caller owns again afterwards. */
void exchange_finish(struct exchange *exchange, CURLcode code);
void exchange_fail(struct exchange *exchange, enum failure_kind kind, const char *code,
                   const char *message);
void exchange_fail_memory(struct exchange *exchange);
/* Fails a running exchange that had no progress within its limit. False if it had. */
bool exchange_fail_stalled(struct exchange *exchange);
/* Links the shared lines behind our own, copying only the few before an omitted one. They must
   outlive the exchange. False if out of memory. */
bool exchange_link_lines(struct exchange *exchange, const struct header_snapshot *shared);
/* True if the request has a body, even an empty one. */
bool exchange_has_body(const struct exchange *exchange);
/* False if certainly no byte of the request was sent. */
static inline bool exchange_was_sent(const struct exchange *exchange) {
  return exchange->sendings > 0;
}
/* Moves a complete download into its place, and removes an incomplete one. Call it when the result
   is read. */
void exchange_settle_download(struct exchange *exchange);
/* True if a piece of the stream is ready. */
bool exchange_has_piece(const struct exchange *exchange);
/* Releases the piece in reply_body and resumes a paused transfer. False: libcurl is out of memory,
   and its multi handle unusable. */
bool exchange_drop_piece(struct exchange *exchange);
/* Frees everything; the exchange must not be running. */
void exchange_clear(struct exchange *exchange);
/* The same, but keeps small buffers for reuse. */
void exchange_recycle(struct exchange *exchange);

/* Reads content type and location of a complete answer. */
void exchange_read_head(struct exchange *exchange);
/* Frees the decoder. `whole`: flushes its last bytes first. A decoding error fails the exchange,
   unless it has failed before. */
void exchange_end_body(struct exchange *exchange, bool whole);

/* libcurl callbacks, set by exchange_configure and exchange_prepare. */
size_t exchange_cb_header(char *line, size_t unit, size_t count, void *context);
size_t exchange_cb_body(char *bytes, size_t unit, size_t count, void *context);
size_t exchange_cb_upload(char *room, size_t unit, size_t count, void *context);
int exchange_cb_seek(void *context, curl_off_t offset, int origin);
int exchange_cb_progress(void *context, curl_off_t download_total, curl_off_t download_now,
                         curl_off_t upload_total, curl_off_t upload_now);
int exchange_cb_before_sending(void *context, char *ip, char *local_ip, int port, int local_port);
int exchange_cb_debug(CURL *easy, curl_infotype type, char *text, size_t length, void *context);
curl_socket_t exchange_cb_open_socket(void *context, curlsocktype purpose,
                                      struct curl_sockaddr *address);

MIC_PRIVATE_END
#endif
