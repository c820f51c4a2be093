/* The credentials that a client uses now: swapped as one, numbered by generation, bound to one base
   URL, with their life measured on the monotonic clock. */
#ifndef MIC_CREDENTIALS_H
#define MIC_CREDENTIALS_H

#include <curl/curl.h>

#include "../base.h"
#include "../process/clock.h"
#include "profile.h"
#include "record.h"

MIC_PRIVATE_BEGIN

enum freshness {
  FRESHNESS_NONE,
  FRESHNESS_FRESH,
  FRESHNESS_ADVISORY,  /* use it, and refresh ahead */
  FRESHNESS_MANDATORY, /* still valid, but refresh first */
  FRESHNESS_EXPIRED,
  FRESHNESS_STALE /* the API refused it, whatever the clock says */
};

/* The header lines of one generation, shared by the exchanges that send them. Those that only some
   send stand first: "Expect:", which takes libcurl's "Expect: 100-continue" out (it costs a round
   trip, or a second of waiting), User-Agent and Accept-Encoding. */
struct header_snapshot {
  unsigned references;
  struct curl_slist *lines; /* owned; wiped with the last reference */
};

/* Their places in it. */
enum { SNAPSHOT_EXPECT, SNAPSHOT_AGENT, SNAPSHOT_ENCODINGS, SNAPSHOT_CHOICES };

struct credentials {
  struct record record; /* record.token is not set while there are none */
  struct record before; /* those given up last, for masking: a late answer may repeat them */
  double generation;    /* counts every change, dropping the record too */
  double expires_at;    /* monotonic clock; meaningless while record.expires is 0 */
  double advisory_at;   /* seconds before expiry */
  double mandatory_at;  /* seconds before expiry */
  double stale;         /* the generation that the API refused; 0 = none */
  struct header_snapshot *snapshot; /* built at first use, dropped at each swap */
};

const char *freshness_name(enum freshness freshness);
enum freshness credentials_freshness(const struct credentials *credentials,
                                     const struct clock *clock);
/* Seconds until expiry, 0 when over; negative when the expiry is not known. */
double credentials_seconds_left(const struct credentials *credentials, const struct clock *clock);
/* Swaps in `record` (moved) under a generation that is larger than every one before. */
void credentials_adopt(struct credentials *credentials, const struct clock *clock,
                       struct record *record);
void credentials_forget(struct credentials *credentials);
void credentials_clear(struct credentials *credentials);

/* The lines of the current generation, a new reference for the caller; NULL when there is no
   memory. `identity` false leaves the identity header out. */
struct header_snapshot *credentials_snapshot(struct credentials *credentials,
                                             const struct api_profile *profile, const char *agent,
                                             const struct secret *api_key, bool identity);
/* The lines of calls without credentials; `api_key` NULL or empty leaves that out too. */
struct header_snapshot *header_snapshot_open(const struct api_profile *profile, const char *agent,
                                             const struct secret *api_key);
void header_snapshot_release(struct header_snapshot *snapshot); /* NULL is fine */

/* Reads the token's own times into the record, and ends its pause. `received` true: the record came
   just now as the answer of the API, so that its whole lifetime is ahead. */
void record_date(struct record *record, const struct clock *clock, bool received);

MIC_PRIVATE_END
#endif
