#include "../base.h"

#include <pthread.h>
#include <time.h>

#include "registry.h"

enum { FORK_SECONDS = 1 };

/* The only list that spans Lua states: exit() and fork() concern the engines of all of them. Lock
   order: this lock, then an engine's lock. */
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct engine_core *live;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct engine_core *engine_registry_take(void) {
  if (pthread_mutex_trylock(&live_lock) != 0)
    return NULL;
  struct engine_core *taken = live;
  live = NULL;
  pthread_mutex_unlock(&live_lock);
  return taken;
}

/* ---- fork ----
   A lock that another thread holds during fork() stays locked in the child, and not every library
   repairs its locks: OpenSSL does not. So the threads pause between two rounds, where they hold no
   lock, until the fork is over. A thread that is busy for longer than FORK_SECONDS is not awaited.
 */

static void hold(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  core->hold = true;
  core->sleeping = false;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller); /* valid as long as the engine is in the list */
}

static void wait_until_still(struct engine_core *core, const struct timespec *until) {
  int error = 0;
  pthread_mutex_lock(&core->lock);
  while (!core->still && error == 0)
    error = pthread_cond_timedwait(&core->changed, &core->lock, until);
  pthread_mutex_unlock(&core->lock);
}

static void let_go(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  core->hold = false;
  pthread_cond_broadcast(&core->changed);
  pthread_mutex_unlock(&core->lock);
}

/* The list stays locked during the fork, so that all three handlers see the same one. */
static void before_fork(void) {
  struct timespec until = {0, 0};
  pthread_mutex_lock(&live_lock);
  for (struct engine_core *core = live; core != NULL; core = core->next_live)
    if (engine_is_ours(core))
      hold(core);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += FORK_SECONDS;
  for (struct engine_core *core = live; core != NULL; core = core->next_live)
    if (engine_is_ours(core))
      wait_until_still(core, &until);
}

static void after_fork_in_parent(void) {
  for (struct engine_core *core = live; core != NULL; core = core->next_live)
    if (engine_is_ours(core))
      let_go(core);
  pthread_mutex_unlock(&live_lock);
}

/* The engines are the parent's. Their process id tells, and the child does not touch them. */
static void after_fork_in_child(void) {
  pthread_mutex_unlock(&live_lock);
}

/* ---- the list ---- */

static void register_once(void) {
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void engine_registry_enter(struct engine_core *core) {
  pthread_once(&once, register_once);
  pthread_mutex_lock(&live_lock);
  core->next_live = live;
  live = core;
  pthread_mutex_unlock(&live_lock);
}

void engine_registry_leave(struct engine_core *core) {
  pthread_mutex_lock(&live_lock);
  for (struct engine_core **link = &live; *link != NULL; link = &(*link)->next_live) {
    if (*link != core)
      continue;
    *link = core->next_live;
    break;
  }
  pthread_mutex_unlock(&live_lock);
}
