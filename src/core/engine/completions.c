/* Completion queue, and the ways to wait for it. */
#include "../base.h"

#include <time.h>

#include "../process/clock.h"
#include "engine.h"
#include "engine_state.h"
#include "jobs.h"

/* The longest delay before Ctrl-C is noticed. */
static const double SLICE_SECONDS = 0.1;

/* ---- completions ---- */

void engine_hush(struct engine *engine) {
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return;
  pthread_mutex_lock(&core->lock);
  engine_notify_take(&core->wake);
  pthread_mutex_unlock(&core->lock);
}

struct exchange *engine_next(struct engine *engine) {
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return NULL;
  for (;;) {
    pthread_mutex_lock(&core->lock);
    struct engine_job *job = core->news;
    bool ended = job != NULL && job->state == JOB_ENDED;
    if (job != NULL)
      engine_untell(core, job);
    pthread_mutex_unlock(&core->lock);
    if (job == NULL)
      return NULL;
    struct exchange *home = job->home;
    if (home == NULL || home->state != EXCHANGE_RUNNING) {
      if (ended)
        engine_give_back(core, job);
      if (home == NULL)
        continue;
    } else {
      engine_sync(home);
    }
    return home;
  }
}

size_t engine_in_flight(const struct engine *engine) {
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return 0;
  pthread_mutex_lock(&core->lock);
  size_t count = core->under_way;
  pthread_mutex_unlock(&core->lock);
  return count;
}

/* ---- blocking wait ---- */

static bool job_has_news(const struct engine_job *job) {
  return job->state == JOB_ENDED || job->overdue || job->piece.length > 0 || job->progress.changed;
}

/* Under the lock. */
static bool is_over(const struct engine_core *core, const struct connections *connections,
                    const struct exchange *exchange) {
  if (exchange != NULL)
    return exchange->job == NULL || exchange->state != EXCHANGE_RUNNING ||
           job_has_news(exchange->job);
  bool any = false;
  for (const struct engine_job *job = core->jobs; job != NULL; job = job->next) {
    if (job->connections != connections || job->home == NULL || job->cancelled)
      continue;
    if (job->state == JOB_ENDED || job->overdue)
      return true;
    any = true;
  }
  return !any;
}

static struct timespec wall_in(double seconds) {
  struct timespec time = {0, 0};
  clock_gettime(CLOCK_REALTIME, &time);
  double whole = (double)time.tv_nsec / 1e9 + seconds;
  time.tv_sec += (time_t)whole;
  time.tv_nsec = (long)((whole - (double)(time_t)whole) * 1e9);
  return time;
}

void engine_wait(struct engine *engine, struct connections *connections,
                 const struct exchange *exchange, double seconds,
                 bool (*interrupted)(void *context), void *context) {
  const struct clock clock = {0};
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return;
  double end = clock_monotonic(&clock) + seconds;
  bool over = false;
  while (!over && !interrupted(context)) {
    double left = end - clock_monotonic(&clock);
    struct timespec until = wall_in(left < SLICE_SECONDS ? left : SLICE_SECONDS);
    pthread_mutex_lock(&core->lock);
    over = is_over(core, connections, exchange) || left <= 0.0;
    if (!over)
      pthread_cond_timedwait(&core->changed, &core->lock, &until);
    pthread_mutex_unlock(&core->lock);
  }
}

/* ---- descriptors ---- */

int engine_descriptor(struct engine *engine, struct failure *failure) {
  return engine_ensure(engine, failure) ? engine->core->wake.outer : -1;
}

bool engine_listen(struct engine *engine, char *path, size_t size, struct failure *failure) {
  if (!engine_ensure(engine, failure))
    return false;
  struct engine_core *core = engine->core;
  pthread_mutex_lock(&core->lock);
  bool ok = engine_notify_listen(&core->wake, path, size, failure);
  core->sleeping = false;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller);
  return ok;
}
