/* One HTTP exchange on one easy handle: what is sent, what came back, how it ended. The life of it
   is in exchange.c, the head of its answer in exchange_head.c, what else flows through libcurl's
   callbacks in exchange_flow.c. */
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

/* How far the bodies are; `total` is negative while it is not known. */
struct exchange_progress {
  bool wanted;
  bool changed; /* since it was last taken */
  double now, total;
};

struct exchange {
  enum exchange_kind kind;
  enum exchange_state state;
  uint64_t number; /* tells the exchanges of a client apart; 0: it was not started yet */

  /* The request. Owned, but for `body`. */
  char method[24];
  struct buffer url_text;           /* NUL-terminated */
  size_t shown_url_length;          /* without our identity member */
  struct url_parsed parsed;         /* it, or that of the use before */
  struct curl_slist *lines;         /* our own lines; see exchange_link_lines */
  struct curl_slist *sent_lines;    /* ours, or the shared ones alone; borrowed */
  struct curl_slist *last_own_line; /* where the shared lines are linked on */
  struct header_snapshot *snapshot; /* a reference: the lines of a call with credentials */
  struct header_snapshot *open;     /* likewise, of one without */
  const char *body;                 /* borrowed: the binding anchors it, or it is secret_body's */
  size_t body_length;
  bool has_body;
  struct buffer secret_body; /* login and refresh */
  struct secret sent_secret; /* the password or refresh token in it, to be masked in the reply */
  struct record record;      /* before refresh: the old set; after absorbing: the new one */
  double generation;         /* of the credentials at the start */
  struct upload_file upload; /* instead of body */
  struct download_file download; /* where a 2xx body goes instead of reply_body */
  bool stream;                   /* a 2xx body is handed over piece by piece */
  struct exchange_progress progress;
  double timeout, connect_timeout; /* seconds; timeout 0 = none */
  struct idle_clock idle;          /* where a body flows */
  bool share_connection; /* wait for one that can be multiplexed rather than open another */
  bool direct;           /* past every proxy, and to this machine only */
  bool guarded;          /* never to this machine */
  size_t max_size;       /* bytes kept of the body */
  size_t max_file_size;  /* bytes of the download; 0: any number */
  bool resend;           /* libcurl may send once more on a fresh connection */

  /* The handle, while running. */
  CURL *easy;
  struct connections *connections; /* borrowed; NULL when not running */
  struct kept_sockets *sockets;    /* borrowed: of the connections of whoever drives */
  double sent_at;                  /* on idle_clock_now: the request began to go out last */
  struct exchange *next, *previous;
  unsigned long socket; /* the one that the request went out over last; 0 = none yet */
  bool kept_http1;      /* it had carried an answer in HTTP/1.x before */
  bool early;     /* not sent: something had come over it already, which is no answer to this */
  bool anew;      /* not sent again by libcurl, but by us */
  bool tried;     /* sent, since it was begun or begun anew */
  bool worn;      /* libcurl has sent it again by itself, and may take more for refused now */
  bool fresh;     /* goes to no kept connection any more */
  bool listening; /* to what libcurl tells: see exchange_cb_debug */
  bool is_listed; /* among those that were sent in this round: see exchange_listen */
  struct exchange *next_sent;
  struct refusal refusal;
  struct engine_job *loan; /* the content is with an engine; see engine.h */

  /* The answer. */
  struct buffer head; /* status line and fields of the last answer */
  struct buffer reply_body;
  bool head_ended;
  bool has_length; /* a Content-Length that is not 0 */
  bool body_began;
  bool folded;                     /* that head had a folded line; see exchange_head.c */
  bool encoded;                    /* the last answer's head has a Content-Encoding */
  struct content_decoder *decoder; /* owned; NULL where the body is kept as it comes */
  enum content_status content;     /* how far that went well */
  bool flows;                      /* the body goes to the stream or the file: its status is 2xx */
  bool paused;                     /* libcurl holds a piece back until the stream has room */
  unsigned fields;                 /* of the head so far */
  uint64_t written;                /* of the download */
  const char *too_large;           /* why the answer was refused; static. NULL: it was not */
  bool no_memory;
  int socket_error; /* errno of a socket that could not be opened */
  bool head_only;   /* the answer to a HEAD that had a body: ended by us after its head */
  bool misled;      /* the connection went where this exchange may not */
  unsigned sendings;
  unsigned sent_again;    /* by exchange_rewind */
  struct failure failure; /* kind FAILURE_NONE: there is an answer */
  long status;
  long http_version; /* CURL_HTTP_VERSION_* */
  bool new_connection;
  struct exchange_timings timings;
  char *content_type; /* owned; NULL when there is none */
  char *location;     /* owned; of a 3xx */
  bool is_foreign;    /* the location is none of http or https, and as it came */
  bool on_loopback;   /* a 3xx that came from this machine, or through a proxy here */

  /* What became of a login or refresh reply. */
  bool absorbed;
  bool show_body;
  char problem[96];
};

void exchange_init(struct exchange *exchange, enum exchange_kind kind);
/* What all exchanges need, onto a fresh easy handle. */
CURLcode exchange_configure(CURL *easy);
/* Everything per request onto the easy handle, which may have served others before. */
CURLcode exchange_prepare(struct exchange *exchange, CURL *easy);
/* Takes off again what the exchange owns; what is configured stays. */
void exchange_leave(const struct exchange *exchange, CURL *easy);
/* Whether it ended with `code` only because of the connection that it went out over, or did not go
   out over, and is ready to begin anew: see exchange_connection.c. It may have another handle
   then. */
bool exchange_rewind(struct exchange *exchange, CURLcode code);
/* In the callbacks: the head of an answer has ended. */
void exchange_note_head(struct exchange *exchange);
/* A digest of scheme, host and port; a collision costs a handshake at the most. */
uint64_t exchange_origin(const struct exchange *exchange);
/* Its request is no longer under way on that socket; once, at the end. */
void exchange_leave_socket(const struct exchange *exchange);
/* Something of its answer has come. */
void exchange_note_heard(struct exchange *exchange);
/* After each call of libcurl's multi handle with these sockets, and before its messages are read:
   from here on libcurl tells what becomes of those that were sent meanwhile. Listening to the
   sending as well would cost a fifth of a call. */
void exchange_listen(struct kept_sockets *sockets);
/* One that has ended is not listened to any more. */
void exchange_stop_listening(struct exchange *exchange);
/* What exchange_leave does about the connection. */
void exchange_leave_connection(const struct exchange *exchange, CURL *easy);
/* For libcurl, which counts them; at least one, unless there is no limit. */
long exchange_milliseconds(double seconds);
/* Reads the outcome off the handle. The handle is the caller's again afterwards. */
void exchange_finish(struct exchange *exchange, CURLcode code);
void exchange_fail(struct exchange *exchange, enum failure_kind kind, const char *code,
                   const char *message);
void exchange_fail_memory(struct exchange *exchange);
/* Fails a running one in which nothing has moved for as long as allowed; false for any other. */
bool exchange_fail_stalled(struct exchange *exchange);
/* Sends the shared lines after our own, without copying most of them; they must outlive the
   exchange. False when there is no memory. */
bool exchange_link_lines(struct exchange *exchange, const struct header_snapshot *shared);
/* Whether the request has one, an empty one too. */
bool exchange_has_body(const struct exchange *exchange);
/* False when provably no byte of the request went out. */
static inline bool exchange_was_sent(const struct exchange *exchange) {
  return exchange->sendings > 0;
}
/* Puts a whole download in its place, and removes any other; when the result is taken. */
void exchange_settle_download(struct exchange *exchange);
/* A piece of the stream is waiting, or the end has come and nothing is left. */
bool exchange_has_piece(const struct exchange *exchange);
/* Lets go of the piece that reply_body holds, so that more may come. False: libcurl had no memory
   to go on, and its multi handle is of no use any more. */
bool exchange_drop_piece(struct exchange *exchange);
/* Frees everything; the exchange must not be running. */
void exchange_clear(struct exchange *exchange);
/* The same, but keeps a little memory for the next use. */
void exchange_recycle(struct exchange *exchange);

/* Content type and location, of an answer that is whole. */
void exchange_read_head(struct exchange *exchange);
/* Lets the decoder go. A whole body may have some bytes left; one that could not be decoded fails
   the exchange, unless it has failed before. */
void exchange_end_body(struct exchange *exchange, bool whole);

/* libcurl's callbacks, for exchange_prepare. */
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
