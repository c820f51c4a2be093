/* The header lines that a client adds to its requests: those of its profile, and what libcurl would
   set. Shared by the exchanges that send them. */
#ifndef MIC_AUTH_HEADERS_H
#define MIC_AUTH_HEADERS_H

#include <curl/curl.h>

#include "../base.h"
#include "profile.h"

MIC_PRIVATE_BEGIN

/* Header lines of one generation, shared by the exchanges that send them. Lines that only some
   exchanges send come first: "Expect:", which removes libcurl's "Expect: 100-continue" (it costs a
   round trip, or a second), User-Agent and Accept-Encoding. */
struct header_snapshot {
  unsigned references;
  struct curl_slist *lines; /* owned; wiped when the last reference is released */
};

/* Positions of those lines. */
enum { SNAPSHOT_EXPECT, SNAPSHOT_AGENT, SNAPSHOT_ENCODINGS, SNAPSHOT_CHOICES };

enum snapshot_kind {
  SNAPSHOT_WHOLE, /* all headers of the profile */
  SNAPSHOT_OPEN,  /* those that need no login */
  SNAPSHOT_BARE   /* none */
};

/* Makes the lines, with one reference. NULL if out of memory. */
struct header_snapshot *header_snapshot_make(const struct profile *profile,
                                             const struct login_values *values, const char *agent,
                                             enum snapshot_kind kind);
void header_snapshot_release(struct header_snapshot *snapshot); /* NULL is allowed */

MIC_PRIVATE_END
#endif
