#include "../base.h"

#include <stdlib.h>

#include "../process/idle_clock.h"
#include "sessions.h"

/* Seconds. Less than an hour even though libcurl rounds to whole seconds. */
static const double LONGEST = 3590.0;

struct session_share {
  CURLSH *handle; /* owned */
  struct session_share *older;
};

static bool set_up(const struct sessions *sessions, CURLSH *handle) {
  if (sessions->lock != NULL &&
      (curl_share_setopt(handle, CURLSHOPT_LOCKFUNC, sessions->lock) != CURLSHE_OK ||
       curl_share_setopt(handle, CURLSHOPT_UNLOCKFUNC, sessions->unlock) != CURLSHE_OK ||
       curl_share_setopt(handle, CURLSHOPT_USERDATA, sessions->context) != CURLSHE_OK))
    return false;
  return curl_share_setopt(handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

static struct session_share *make_share(const struct sessions *sessions) {
  struct session_share *share = malloc(sizeof *share);
  if (share == NULL)
    return NULL;
  share->older = NULL;
  share->handle = curl_share_init();
  if (share->handle != NULL && set_up(sessions, share->handle))
    return share;
  if (share->handle != NULL)
    curl_share_cleanup(share->handle);
  free(share);
  return NULL;
}

/* Frees the shares from *place on that no handle uses. libcurl refuses to free the others. */
static void drop_unused(struct session_share **place) {
  while (*place != NULL) {
    struct session_share *share = *place;
    if (curl_share_cleanup(share->handle) == CURLSHE_IN_USE) {
      place = &share->older;
      continue;
    }
    *place = share->older;
    free(share);
  }
}

bool sessions_renew(struct sessions *sessions) {
  double now = idle_clock_now();
  if (sessions->shares != NULL && now - sessions->born < LONGEST) {
    sessions->age = (long)(now - sessions->born) + 1; /* 0 means no limit to libcurl */
    return false;
  }
  struct session_share *fresh = make_share(sessions);
  sessions->age = fresh == NULL ? 0 : 1;
  if (fresh != NULL) {
    fresh->older = sessions->shares;
    sessions->shares = fresh;
    sessions->born = now;
    drop_unused(&fresh->older);
  }
  return true;
}

CURLcode sessions_enter(const struct sessions *sessions, CURL *easy) {
  return curl_easy_setopt(easy, CURLOPT_SHARE, sessions->age > 0 ? sessions->shares->handle : NULL);
}

void sessions_limit_age(const struct sessions *sessions, CURL *easy) {
  long seconds = sessions->age > 0 ? sessions->age : 1;
#if LIBCURL_VERSION_NUM >= 0x075000
  curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, seconds);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  /* An older library does not know this option, and has no such cache. */
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, seconds);
#endif
  (void)easy, (void)seconds;
}

bool sessions_have_older(struct sessions *sessions) {
  if (sessions->shares == NULL || sessions->shares->older == NULL)
    return false;
  drop_unused(&sessions->shares->older);
  return sessions->shares->older != NULL;
}

void sessions_close(struct sessions *sessions) {
  drop_unused(&sessions->shares);
  sessions->age = 0;
}
