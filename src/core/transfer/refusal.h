/* Whether the server has said over HTTP/2 that it did not process a request: it refused the stream,
   or left the connection with a GOAWAY whose last stream is an earlier one. libcurl has no code for
   that; it is read from what libcurl tells its debug function once the request is out. */
#ifndef MIC_REFUSAL_H
#define MIC_REFUSAL_H

#include "../base.h"
#include "kept_socket.h"

MIC_PRIVATE_BEGIN

struct refusal {
  bool harmless;  /* to send the request twice */
  double written; /* bytes, to the connection with the request; not positive = not known */
  bool doubtful;  /* libcurl has told something since that is not known here */
  bool went_away; /* a GOAWAY came */
  bool left;      /* and the connection was closed, with nothing more sent */
  bool said;      /* the request was not processed */
  bool http1;     /* it is to be sent over HTTP/1.1 */
  unsigned count; /* how often that was said and the request sent again */
};

/* The request is out. `socket` is that of its connection; NULL when it is not known. Where it is
   harmless to send it twice, what comes is trusted more. */
void refusal_begin(struct refusal *refusal, const struct kept_socket *socket, bool harmless);
/* What libcurl has told. */
void refusal_note(struct refusal *refusal, curl_infotype type, const char *text, size_t length,
                  struct kept_socket *socket);
/* How the exchange has ended. */
void refusal_end(struct refusal *refusal, CURLcode code);

MIC_PRIVATE_END
#endif
