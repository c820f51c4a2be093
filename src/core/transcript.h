/* What an exchange has sent and received, as text for the debug channel. Secrets are masked. */
#ifndef MIC_TRANSCRIPT_H
#define MIC_TRANSCRIPT_H

#include "api_client.h"
#include "base.h"
#include "text/buffer.h"

MIC_PRIVATE_BEGIN

/* Bytes of a body that are shown. */
enum { TRANSCRIPT_BODY_MAX = 4096 };

enum transcript_part {
  TRANSCRIPT_SENT_HEAD, /* method and URL, then one header a line; without those of libcurl */
  TRANSCRIPT_SENT_BODY,
  TRANSCRIPT_HEAD,
  TRANSCRIPT_BODY,
  TRANSCRIPT_PARTS
};

/* An empty part: there is nothing to show. */
struct transcript {
  struct buffer parts[TRANSCRIPT_PARTS];
};

/* An empty transcript; NULL if out of memory. */
struct transcript *transcript_new(void);
/* Adds the parts of the request, before its answer is absorbed, and those of the answer, after it
   was. The level is the client's. False if out of memory: show nothing then. */
bool transcript_add_request(struct transcript *transcript, const struct api_client *client,
                            const struct exchange *exchange);
bool transcript_add_answer(struct transcript *transcript, const struct api_client *client,
                           const struct exchange *exchange);
void transcript_free(struct transcript *transcript); /* may be NULL */

MIC_PRIVATE_END
#endif
