/* TLS sessions that handles share, and how long a certificate that was trusted counts. A session
   that is resumed shows no certificate, a kept connection neither, and libcurl keeps authorities
   parsed: so all three are begun anew within the hour, together. Else each could prolong another,
   and an authority that was taken away would be believed for as long as somebody wants it. */
#ifndef MIC_SESSIONS_H
#define MIC_SESSIONS_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct session_share;

struct sessions {
  struct session_share *shares; /* owned; the newest first, then those that handles still use */
  double born;                  /* the newest, on idle_clock_now */
  long age;                     /* its seconds, as libcurl counts; 0: it is too old to be used */
  curl_lock_function lock;      /* NULL: only one thread uses the handles */
  curl_unlock_function unlock;
  void *context;
};

/* Before a handle begins: makes a share where there is none or the newest is too old. True when it
   did, so that handles with another one are of no use any more. Without memory there is none, and
   each handle resumes but its own sessions. */
bool sessions_renew(struct sessions *sessions);
/* Has the handle use the newest share; NULL: none. */
CURLcode sessions_enter(const struct sessions *sessions, CURL *easy);
/* Has its next transfer use nothing that was trusted before the newest share was made. */
void sessions_limit_age(const struct sessions *sessions, CURL *easy);
/* Whether handles may use an older share; frees those that none uses. */
bool sessions_have_older(struct sessions *sessions);
/* No handle may use them any more. */
void sessions_close(struct sessions *sessions);

MIC_PRIVATE_END
#endif
