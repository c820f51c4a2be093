/* Detects that the server did not process a request over HTTP/2: it refused the stream, or sent a
   GOAWAY with an earlier last stream. libcurl has no error code for this, so the debug output after
   the request is parsed. */
#ifndef MIC_REFUSAL_H
#define MIC_REFUSAL_H

#include "../base.h"
#include "kept_socket.h"

MIC_PRIVATE_BEGIN

struct refusal {
  bool harmless;  /* the request may safely be sent twice */
  double written; /* bytes on the connection up to the request's end; not positive: unknown */
  bool doubtful;  /* unknown debug output followed */
  bool went_away; /* a GOAWAY was received */
  bool left;      /* and the connection was closed with nothing more sent */
  bool said;      /* the request was not processed */
  bool http1;     /* resend it over HTTP/1.1 */
  unsigned count; /* how often it was refused and sent again */
};

/* Call it when the request is sent. `socket` is its connection; NULL: unknown. `harmless`: the
   request may be sent twice, so weaker evidence is enough. */
void refusal_begin(struct refusal *refusal, const struct kept_socket *socket, bool harmless);
/* Parses one piece of debug output. */
void refusal_note(struct refusal *refusal, curl_infotype type, const char *text, size_t length,
                  struct kept_socket *socket);
/* Takes the exchange's result into account. */
void refusal_end(struct refusal *refusal, CURLcode code);

MIC_PRIVATE_END
#endif
