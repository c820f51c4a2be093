#include "../base.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "sigpipe_guard.h"

static pthread_once_t libcurl_once = PTHREAD_ONCE_INIT;
static bool libcurl_raises;

static void look_at_libcurl(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  libcurl_raises = info->version_num < 0x075800 || info->ssl_version == NULL ||
                   strncmp(info->ssl_version, "wolf", 4) == 0;
}

static void make_sigpipe_set(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGPIPE);
}

void sigpipe_block(struct sigpipe_guard *guard) {
  sigset_t pipe_only;
  pthread_once(&libcurl_once, look_at_libcurl);
  guard->blocks = libcurl_raises;
  if (!guard->blocks)
    return;
  make_sigpipe_set(&pipe_only);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &guard->old_mask);
  /* If SIGPIPE was blocked before, it stays pending, as the program wants. */
  guard->blocks = sigismember(&guard->old_mask, SIGPIPE) != 1;
}

void sigpipe_restore(const struct sigpipe_guard *guard) {
  if (!guard->blocks)
    return;
  sigset_t pipe_only;
  const struct timespec now = {0, 0};
  make_sigpipe_set(&pipe_only);
  sigtimedwait(&pipe_only, NULL, &now); /* discards a SIGPIPE raised meanwhile */
  pthread_sigmask(SIG_SETMASK, &guard->old_mask, NULL);
}
