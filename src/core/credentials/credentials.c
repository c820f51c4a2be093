#include "../base.h"

#include <string.h>

#include "../text/buffer.h"
#include "../text/header.h"
#include "../text/jwt.h"
#include "credentials.h"

const char *freshness_name(enum freshness freshness) {
  switch (freshness) {
  case FRESHNESS_FRESH:
    return "fresh";
  case FRESHNESS_ADVISORY:
    return "advisory";
  case FRESHNESS_MANDATORY:
    return "mandatory";
  case FRESHNESS_EXPIRED:
    return "expired";
  case FRESHNESS_STALE:
    return "stale";
  case FRESHNESS_NONE:
    break;
  }
  return "none";
}

double credentials_seconds_left(const struct credentials *credentials, const struct clock *clock) {
  if (credentials->record.expires <= 0.0)
    return -1.0;
  double left = credentials->expires_at - clock_monotonic(clock);
  return left > 0.0 ? left : 0.0;
}

enum freshness credentials_freshness(const struct credentials *credentials,
                                     const struct clock *clock) {
  if (!record_has_login(&credentials->record))
    return FRESHNESS_NONE;
  if (credentials->record.token.length == 0)
    return FRESHNESS_EXPIRED;
  if (credentials->stale >= credentials->generation)
    return FRESHNESS_STALE;
  double left = credentials_seconds_left(credentials, clock);
  if (left < 0.0)
    return FRESHNESS_FRESH;
  if (left <= 0.0)
    return FRESHNESS_EXPIRED;
  if (left <= credentials->mandatory_at)
    return FRESHNESS_MANDATORY;
  return left <= credentials->advisory_at ? FRESHNESS_ADVISORY : FRESHNESS_FRESH;
}

static void drop_snapshot(struct credentials *credentials) {
  header_snapshot_release(credentials->snapshot);
  credentials->snapshot = NULL;
}

/* Seconds until the token expires. A token that was just received has its whole lifetime left,
   whatever the wall clock says. A known server clock takes precedence. */
static double life_ahead(const struct record *record, const struct clock *clock) {
  double by_wall = record->expires - clock_wall(clock);
  if (record->lifetime <= 0.0)
    return by_wall;
  double by_age = record->lifetime;
  if (record->received_at > 0.0) {
    by_age -= clock_monotonic(clock) - record->received_at;
    if (!clock->server_known)
      return by_age;
  }
  return by_wall < by_age ? by_wall : by_age;
}

/* Keeps the old record for masking: requests with it may be in flight, and their answers may echo
   it. */
static void retire_record(struct credentials *credentials) {
  if (record_has_login(&credentials->record))
    record_move(&credentials->before, &credentials->record);
}

void credentials_adopt(struct credentials *credentials, const struct clock *clock,
                       struct record *record) {
  double next = credentials->generation + 1.0;
  drop_snapshot(credentials);
  retire_record(credentials);
  record_move(&credentials->record, record);
  /* A record from a store has its own generation. Ours never decreases. */
  if (credentials->record.generation > next)
    next = credentials->record.generation;
  credentials->generation = next;
  credentials->record.generation = next;
  credentials->advisory_at = 0.0;
  credentials->mandatory_at = 0.0;
  credentials->expires_at = clock_monotonic(clock) + life_ahead(&credentials->record, clock);
}

void credentials_touch(struct credentials *credentials) {
  drop_snapshot(credentials);
  credentials->generation += 1.0; /* exchanges started earlier must notice */
}

void credentials_forget(struct credentials *credentials) {
  credentials_touch(credentials);
  retire_record(credentials);
}

void credentials_clear(struct credentials *credentials) {
  credentials_forget(credentials);
  record_clear(&credentials->before);
  memset(credentials, 0, sizeof *credentials);
}

static void set_lifetime(struct record *record, double now, double lifetime) {
  record->issued = now;
  record->lifetime = lifetime;
  record->expires = now + lifetime;
}

/* False if the token does not tell when it ends. */
static bool date_by_token(struct record *record, double now, bool received) {
  struct jwt_times times;
  if (!jwt_read_times(record->token.bytes, record->token.length, &times) || !times.has_expires)
    return false;
  record->expires = times.expires;
  if (times.has_issued && times.issued < times.expires) {
    record->issued = times.issued;
    record->lifetime = times.expires - times.issued;
  } else if (received && times.expires > now) {
    record->lifetime = times.expires - now;
  }
  return true;
}

void record_date(struct record *record, const struct clock *clock, const struct profile *profile,
                 bool received, double left) {
  double now = clock_wall(clock);
  record->issued = received ? now : 0.0;
  record->received_at = received ? clock_monotonic(clock) : 0.0;
  record->expires = 0.0;
  record->lifetime = 0.0;
  record->retry_at = 0.0;
  record->failures = 0;
  record->generation = 0.0;
  if (profile->never_expires)
    return;
  if (left > 0.0)
    set_lifetime(record, now, left);
  else if (!date_by_token(record, now, received) && received && profile->lifetime > 0.0)
    set_lifetime(record, now, profile->lifetime);
}

struct header_snapshot *credentials_snapshot(struct credentials *credentials,
                                             const struct profile *profile,
                                             const struct login_values *values, const char *agent) {
  if (credentials->snapshot == NULL)
    credentials->snapshot = header_snapshot_make(profile, values, agent, SNAPSHOT_WHOLE);
  if (credentials->snapshot != NULL)
    credentials->snapshot->references++;
  return credentials->snapshot;
}
