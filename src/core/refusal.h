/* Whether the server has said that it did not process a request: it refused the stream, or ended
   the connection with a GOAWAY whose last stream is an earlier one. libcurl has no code for that;
   it is read from what libcurl tells its debug function. */
#ifndef MIC_REFUSAL_H
#define MIC_REFUSAL_H

#include "base.h"
#include "kept_socket.h"

MIC_PRIVATE_BEGIN

struct refusal {
  unsigned long stream;   /* of HTTP/2, that the request was sent on; 0 = none */
  unsigned long segments; /* that its connection had sent then; 0 = not known */
  bool doubtful;          /* libcurl has told something since that is not known here */
  bool said;              /* the request was not processed */
  bool http1;             /* it is to be sent over HTTP/1.1 */
  unsigned count;         /* how often that was said and the request sent again */
};

/* What libcurl has told. `socket` is that of the connection; NULL when it is not known. */
void refusal_note(struct refusal *refusal, curl_infotype type, const char *text, size_t length,
                  const struct kept_socket *socket);

MIC_PRIVATE_END
#endif
