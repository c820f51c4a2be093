/* Credential record as kept in a store, and its file format. Also holds refused logins and the time
   of the next attempt, with or without credentials. */
#ifndef MIC_RECORD_H
#define MIC_RECORD_H

#include "../base.h"
#include "../text/buffer.h"
#include "../text/secret.h"
#include "refused_login.h"

MIC_PRIVATE_BEGIN

struct record {
  struct secret identity;
  struct secret token;         /* unset if there are only a refresh token, refusals or a pause */
  struct secret refresh_token; /* unset if the API sent none */
  struct secret root;          /* the base URL of the credentials */
  struct secret profile;       /* its name; unset: the profile of version 0.1 */
  double issued;               /* seconds since 1970; 0: unknown */
  double expires;              /* seconds since 1970; 0: unknown, valid until the API rejects it */
  double lifetime;             /* seconds; 0: unknown */
  double generation;           /* counts the changes; an integer */
  double retry_at;             /* seconds since 1970: no refresh before this; 0: no pause */
  unsigned char failures;      /* in a row, before the pause; 0: no pause */
  struct refused_logins refusals;
  double received_at; /* monotonic seconds, if the API sent it to this process; else 0. Not saved */
};

/* True if there are credentials: a token, or a refresh token that will bring one. */
static inline bool record_has_login(const struct record *record) {
  return record->token.length > 0 || record->refresh_token.length > 0;
}

/* The most bytes of a record. */
#define MIC_RECORD_MAX (8 * MIC_SECRET_MAX)

/* The most failures in a row that a record counts. The pause is longest long before. */
#define MIC_FAILURES_MAX 255

/* The largest generation in a file. Leaves room to count on. */
#define MIC_GENERATION_MAX 4503599627370496.0 /* 2^52 */

enum record_status {
  RECORD_READ,
  RECORD_DAMAGED,
  RECORD_NEWER, /* valid, of an unknown newer version: do not overwrite */
  RECORD_NO_MEMORY
};

/* False if out of memory; `to` is cleared then. */
bool record_copy(struct record *to, const struct record *from);
void record_move(struct record *to, struct record *from);
void record_clear(struct record *record); /* wipes the secrets */
/* Appends the record's bytes. `bytes` should be a secret buffer. */
enum buffer_status record_write(const struct record *record, struct buffer *bytes);
/* Validates everything, because others may write to a store: a record that no login could have
   produced is RECORD_DAMAGED. Unless RECORD_READ, `record` is cleared. */
enum record_status record_read(struct record *record, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
