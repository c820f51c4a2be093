/* One set of credentials as it rests in a store: what has to be kept, and its bytes. Also what the
   API has refused lately, and until when nobody should ask it, with credentials or without. */
#ifndef MIC_RECORD_H
#define MIC_RECORD_H

#include "../base.h"
#include "../text/buffer.h"
#include "../text/secret.h"
#include "refused_login.h"

MIC_PRIVATE_BEGIN

struct record {
  struct secret identity;
  struct secret token;         /* not set where there are refusals or a pause alone */
  struct secret refresh_token; /* not set when the API gave none */
  struct secret root;          /* the base URL that they belong to */
  double issued;               /* seconds since 1970; 0 = unknown */
  double expires;              /* seconds since 1970; 0 = unknown: good until the API says no */
  double lifetime;             /* seconds; 0 = unknown */
  double generation;           /* counts the swaps; whole */
  double retry_at;             /* seconds since 1970; a refresh failed, none before; 0 = no pause */
  struct refused_logins refusals;
  double received_at; /* monotonic clock, when it came from the API in this process; else 0.
                         Not among the bytes */
};

/* What record_write makes is shorter than this. */
#define MIC_RECORD_MAX (8 * MIC_SECRET_MAX)

/* The largest generation among the bytes: there is room to count on from any that was read. */
#define MIC_GENERATION_MAX 4503599627370496.0 /* 2^52 */

enum record_status {
  RECORD_READ,
  RECORD_DAMAGED,
  RECORD_NEWER, /* whole, of a version that is not known yet: not to be destroyed */
  RECORD_NO_MEMORY
};

bool record_copy(struct record *to, const struct record *from); /* false: no memory, `to` cleared */
void record_move(struct record *to, struct record *from);
void record_clear(struct record *record); /* wipes */
/* Appends the versioned bytes; `bytes` should be a secret buffer. */
enum buffer_status record_write(const struct record *record, struct buffer *bytes);
/* Others may write to a store: what is read has the form of what a login brings, else it is
   damaged. Unless RECORD_READ, `record` is cleared. */
enum record_status record_read(struct record *record, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
