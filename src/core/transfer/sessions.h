/* TLS sessions shared by handles, and the time for which a verified certificate counts. A resumed
   session and a kept connection show no certificate, and libcurl caches parsed CA files. So all
   three are renewed together within an hour. Otherwise each could prolong the others, and a removed
   CA would stay trusted without end. */
#ifndef MIC_SESSIONS_H
#define MIC_SESSIONS_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

struct session_share;

struct sessions {
  struct session_share *shares; /* owned; the newest first, then older ones still in use */
  double born;                  /* idle_clock_now when the newest was created */
  long age;                     /* its age in whole seconds; 0: too old to use */
  curl_lock_function lock;      /* NULL: a single thread uses the handles */
  curl_unlock_function unlock;
  void *context;
};

/* Call it before a transfer starts. Creates a share if there is none or the newest is too old. True
   if it did: handles with another share are outdated. If out of memory there is no share, and each
   handle resumes only its own sessions. */
bool sessions_renew(struct sessions *sessions);
/* Sets the newest share, if any, on the handle. */
CURLcode sessions_enter(const struct sessions *sessions, CURL *easy);
/* Limits the handle's next transfer to connections and CA files from after the newest share's
   creation. */
void sessions_limit_age(const struct sessions *sessions, CURL *easy);
/* Frees older shares that no handle uses. True if some are left. */
bool sessions_have_older(struct sessions *sessions);
/* Call it when no handle uses the shares. */
void sessions_close(struct sessions *sessions);

MIC_PRIVATE_END
#endif
