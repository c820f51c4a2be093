#include "../base.h"

#include <signal.h>
#include <stdlib.h>

#include "../process/process_id.h"
#include "limiter.h"
#include "registry.h"
#include "start.h"

enum { STACK_SIZE = 1024 * 1024 };

/* ---- process exit ----
   A program may call exit() with transfers in flight. The TLS library then cleans up while a thread
   still uses it. So an exit handler joins all threads first. */

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void stop_all(void) {
  for (struct engine_core *core = engine_registry_take(); core != NULL; core = core->next_live)
    if (engine_is_ours(core))
      engine_stop(core);
}

static void register_exit(void) {
  (void)atexit(stop_all);
}

/* ---- TLS sessions ---- */

static void engine_cb_lock(CURL *easy, curl_lock_data data, curl_lock_access access,
                           void *context) {
  struct engine_core *core = context;
  (void)easy, (void)data, (void)access;
  pthread_mutex_lock(&core->sessions_lock);
}

static void engine_cb_unlock(CURL *easy, curl_lock_data data, void *context) {
  struct engine_core *core = context;
  (void)easy, (void)data;
  pthread_mutex_unlock(&core->sessions_lock);
}

static void prepare_sessions(struct engine_core *core) {
  core->sessions.lock = engine_cb_lock;
  core->sessions.unlock = engine_cb_unlock;
  core->sessions.context = core;
}

/* ---- the thread ---- */

/* Blocks all signals in the thread: they are for the program's own threads. */
static int start_thread(struct engine_core *core) {
  pthread_attr_t attributes;
  sigset_t all, before;
  int error = pthread_attr_init(&attributes);
  if (error != 0)
    return error;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_attr_setstacksize(&attributes, STACK_SIZE); /* musl's default is small */
  if (error == 0)
    error = pthread_create(&core->thread, &attributes, engine_run, core);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

void engine_free(struct engine_core *core) {
  sessions_close(&core->sessions);
  engine_notify_close(&core->wake);
  poller_close(&core->poller);
  pthread_cond_destroy(&core->changed);
  pthread_mutex_destroy(&core->sessions_lock);
  pthread_mutex_destroy(&core->lock);
  free(core);
}

static bool can_let_go_of_lookups(void) {
#if LIBCURL_VERSION_NUM >= 0x075700
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  /* c-ares can cancel a lookup; the threaded resolver leaves a thread behind. */
  return info->version_num >= 0x075700;
#else
  return false;
#endif
}

struct engine_core *engine_make(bool patient) {
  struct engine_core *core = calloc(1, sizeof *core);
  if (core == NULL)
    return NULL;
  core->process = process_id();
  core->patient = patient || !can_let_go_of_lookups();
  prepare_sessions(core);
  engine_notify_init(&core->wake);
  pthread_mutex_init(&core->lock, NULL);
  pthread_mutex_init(&core->sessions_lock, NULL);
  pthread_cond_init(&core->changed, NULL);
  if (poller_open(&core->poller, LIMITER_CONNECTIONS) && poller_open_wake(&core->poller) &&
      engine_notify_open(&core->wake) && start_thread(core) == 0) {
    pthread_once(&exit_once, register_exit);
    engine_registry_enter(core);
    return core;
  }
  engine_free(core);
  return NULL;
}

void engine_stop(struct engine_core *core) {
  if (core->joined)
    return;
  core->joined = true;
  engine_registry_leave(core);
  pthread_mutex_lock(&core->lock);
  core->stop = true;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller);
  pthread_join(core->thread, NULL);
}
