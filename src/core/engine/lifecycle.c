/* Start and end of an engine, also by the exit or a fork of the process. */
#include "../base.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../process/process_id.h"
#include "engine_state.h"
#include "limiter.h"

enum { STACK_SIZE = 1024 * 1024, FORK_SECONDS = 1 };

/* The engines of all Lua states, the only list that spans them: exit() and fork() concern all. Lock
   order: this lock, then an engine's lock. */
static pthread_mutex_t engines_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list engines;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct engine_core *core_of(struct list_link *link) {
  return LIST_ITEM(link, struct engine_core, engines);
}

/* ---- exit ----
   A program may call exit() with transfers in flight. The TLS library then cleans up while a thread
   still uses it. So an exit handler joins all threads first. */

/* NULL if there is none, or if the list is locked. */
static struct engine_core *take_first(void) {
  if (pthread_mutex_trylock(&engines_lock) != 0)
    return NULL;
  struct engine_core *core = core_of(engines.first);
  if (core != NULL)
    list_remove(&core->engines);
  pthread_mutex_unlock(&engines_lock);
  return core;
}

static void stop_all(void) {
  for (struct engine_core *core = take_first(); core != NULL; core = take_first())
    if (engine_is_ours(core))
      engine_stop(core);
}

/* ---- fork ----
   A lock that another thread holds during fork() stays locked in the child, and not every library
   repairs its locks: OpenSSL does not. So the threads pause between two rounds, where they hold no
   lock, until the fork is over. A thread that is busy for longer than FORK_SECONDS is not awaited.
 */

static void request_pause(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  core->pause = true;
  core->sleeping = false;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller); /* valid as long as the engine is in the list */
}

static void await_pause(struct engine_core *core, const struct timespec *until) {
  int error = 0;
  pthread_mutex_lock(&core->lock);
  while (!core->paused && error == 0)
    error = pthread_cond_timedwait(&core->changed, &core->lock, until);
  pthread_mutex_unlock(&core->lock);
}

static void resume(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  core->pause = false;
  pthread_cond_broadcast(&core->changed);
  pthread_mutex_unlock(&core->lock);
}

/* The list stays locked during the fork, so that all three handlers see the same one. */
static void before_fork(void) {
  struct timespec until = {0, 0};
  pthread_mutex_lock(&engines_lock);
  for (struct list_link *each = engines.first; each != NULL; each = each->next)
    if (engine_is_ours(core_of(each)))
      request_pause(core_of(each));
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += FORK_SECONDS;
  for (struct list_link *each = engines.first; each != NULL; each = each->next)
    if (engine_is_ours(core_of(each)))
      await_pause(core_of(each), &until);
}

static void after_fork_in_parent(void) {
  for (struct list_link *each = engines.first; each != NULL; each = each->next)
    if (engine_is_ours(core_of(each)))
      resume(core_of(each));
  pthread_mutex_unlock(&engines_lock);
}

/* The engines are the parent's. Their process id tells, and the child does not touch them. */
static void after_fork_in_child(void) {
  pthread_mutex_unlock(&engines_lock);
}

static void register_handlers(void) {
  (void)atexit(stop_all);
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void add_to_engines(struct engine_core *core) {
  pthread_once(&once, register_handlers);
  pthread_mutex_lock(&engines_lock);
  list_append(&engines, &core->engines);
  pthread_mutex_unlock(&engines_lock);
}

static void remove_from_engines(struct engine_core *core) {
  pthread_mutex_lock(&engines_lock);
  list_remove(&core->engines);
  pthread_mutex_unlock(&engines_lock);
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
  engine_notify_close(&core->notify);
  poller_close(&core->poller);
  pthread_cond_destroy(&core->changed);
  pthread_mutex_destroy(&core->sessions_lock);
  pthread_mutex_destroy(&core->lock);
  free(core);
}

static bool can_abandon_lookups(void) {
#if LIBCURL_VERSION_NUM >= 0x075700
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  /* c-ares can cancel a lookup; the threaded resolver leaves a thread behind. */
  return info->version_num >= 0x075700;
#else
  return false;
#endif
}

struct engine_core *engine_make(bool awaits_lookups) {
  struct engine_core *core = calloc(1, sizeof *core);
  if (core == NULL)
    return NULL;
  core->process = process_id();
  core->awaits_lookups = awaits_lookups || !can_abandon_lookups();
  prepare_sessions(core);
  engine_notify_init(&core->notify);
  pthread_mutex_init(&core->lock, NULL);
  pthread_mutex_init(&core->sessions_lock, NULL);
  pthread_cond_init(&core->changed, NULL);
  if (poller_open(&core->poller, LIMITER_CONNECTIONS) && poller_open_wake(&core->poller) &&
      engine_notify_open(&core->notify) && start_thread(core) == 0) {
    add_to_engines(core);
    return core;
  }
  engine_free(core);
  return NULL;
}

void engine_stop(struct engine_core *core) {
  if (core->joined)
    return;
  core->joined = true;
  remove_from_engines(core);
  pthread_mutex_lock(&core->lock);
  core->stop = true;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller);
  pthread_join(core->thread, NULL);
}
