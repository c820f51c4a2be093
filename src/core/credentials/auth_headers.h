/* The header lines that a client adds to its requests: token, identity, API key, and what libcurl
   would set. Shared by the exchanges that send them. */
#ifndef MIC_AUTH_HEADERS_H
#define MIC_AUTH_HEADERS_H

#include <curl/curl.h>

#include "../base.h"
#include "../text/secret.h"
#include "profile.h"
#include "record.h"

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

/* Makes the lines, with one reference. NULL if out of memory. `record` NULL: no credentials.
   `api_key` NULL or empty: no API key. `identity` false: no identity header. */
struct header_snapshot *header_snapshot_make(const struct record *record,
                                             const struct api_profile *profile, const char *agent,
                                             const struct secret *api_key, bool identity);
void header_snapshot_release(struct header_snapshot *snapshot); /* NULL is allowed */

MIC_PRIVATE_END
#endif
