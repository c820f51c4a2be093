/* Credentials in use by a client: replaced as a whole, numbered by generation, bound to one base
   URL. Their lifetime is measured on the monotonic clock. */
#ifndef MIC_CREDENTIALS_H
#define MIC_CREDENTIALS_H

#include "../base.h"
#include "../process/clock.h"
#include "auth_headers.h"
#include "profile.h"
#include "record.h"

MIC_PRIVATE_BEGIN

enum freshness {
  FRESHNESS_NONE,
  FRESHNESS_FRESH,
  FRESHNESS_ADVISORY,  /* use it, and refresh in the background */
  FRESHNESS_MANDATORY, /* still valid, but refresh first */
  FRESHNESS_EXPIRED,
  FRESHNESS_STALE /* the API rejected it, whatever the clock says */
};

struct credentials {
  struct record record; /* record.token is unset if there are none */
  struct record before; /* the previous record, for masking: a late answer may echo it */
  double generation;    /* counts every change, including forgetting */
  double expires_at;    /* monotonic seconds; undefined if record.expires is 0 */
  double advisory_at;   /* seconds before expiry */
  double mandatory_at;  /* seconds before expiry */
  double stale;         /* the last generation that the API rejected; 0: none */
  struct header_snapshot *snapshot; /* built at first use, dropped at each change */
};

const char *freshness_name(enum freshness freshness);
enum freshness credentials_freshness(const struct credentials *credentials,
                                     const struct clock *clock);
/* Seconds until expiry; 0 if expired, negative if unknown. */
double credentials_seconds_left(const struct credentials *credentials, const struct clock *clock);
/* Replaces the record (moved from `record`) and increases the generation. */
void credentials_adopt(struct credentials *credentials, const struct clock *clock,
                       struct record *record);
void credentials_forget(struct credentials *credentials);
/* Increases the generation: another value of the header lines has changed. */
void credentials_touch(struct credentials *credentials);
void credentials_clear(struct credentials *credentials);

/* A new reference to the lines of the current generation. NULL if out of memory. */
struct header_snapshot *credentials_snapshot(struct credentials *credentials,
                                             const struct profile *profile,
                                             const struct login_values *values, const char *agent);
/* Sets the record's times, and clears the pause. `received`: the API has just sent the record, so
   its whole lifetime is left. `left`: seconds until the token ends, as the reply tells it; 0: it
   does not. */
void record_date(struct record *record, const struct clock *clock, const struct profile *profile,
                 bool received, double left);

MIC_PRIVATE_END
#endif
