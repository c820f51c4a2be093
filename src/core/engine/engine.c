#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../process/clock.h"
#include "../process/descriptor_shortage.h"
#include "engine.h"
#include "engine_state.h"
#include "limiter.h"

enum { SWEEP_FROM = 16 };

/* The longest delay before Ctrl-C is noticed. */
static const double SLICE_SECONDS = 0.1;

/* ---- jobs ---- */

static struct engine_job *job_of(struct list_link *link) {
  return LIST_ITEM(link, struct engine_job, all);
}

static void free_job(struct engine_job *job) {
  buffer_free(&job->piece);
  free(job->body);
  free(job);
}

/* Returns what an ended job borrowed and frees it. The job is not in the completion queue. */
static void return_job(struct engine_job *job) {
  struct exchange *home = job->home;
  list_remove(&job->all);
  engine_limiter_release(job->limiter);
  connections_release(job->connections, &job->exchange);
  job->exchange.body = NULL;
  if (home != NULL && home->job == job) {
    home->job = NULL;
    if (home->state == EXCHANGE_RUNNING) {
      buffer_free(&home->reply_body); /* may have held pieces */
      *home = job->exchange;
      free_job(job);
      return;
    }
  }
  exchange_clear(&job->exchange);
  free_job(job);
}

/* Under the lock. Takes the job out of the completion queue. */
static void take_completion(struct engine_core *core, struct engine_job *job) {
  if (job->queued.list == &core->completions)
    list_remove(&job->queued);
}

/* Frees abandoned jobs that have ended, for callers that never call engine_next. */
static void sweep(struct engine_core *core, size_t limit) {
  if (core->jobs.count < core->sweep_at && core->jobs.count < limit)
    return;
  struct list_link *following = NULL;
  for (struct list_link *each = core->jobs.first; each != NULL; each = following) {
    struct engine_job *job = job_of(each);
    following = each->next;
    pthread_mutex_lock(&core->lock);
    bool unwanted = job->home == NULL && job->state == JOB_ENDED;
    if (unwanted)
      take_completion(core, job);
    pthread_mutex_unlock(&core->lock);
    if (unwanted)
      return_job(job);
  }
  core->sweep_at = 2 * core->jobs.count + SWEEP_FROM;
}

/* ---- start ---- */

bool engine_ensure(struct engine *engine, struct failure *failure) {
  if (engine->closed) {
    failure_set(failure, FAILURE_CLOSED, NULL, "the engine was closed");
    return false;
  }
  if (engine->core != NULL && engine_is_ours(engine->core))
    return true;
  engine->core = engine_make(engine->awaits_lookups);
  if (engine->core == NULL) {
    if (!descriptor_shortage_explains(CURLE_OUT_OF_MEMORY, 0, failure))
      failure_set(failure, FAILURE_NETWORK, "EAGAIN",
                  "the engine's thread could not be started: too many threads, or out of memory");
    return false;
  }
  return true;
}

const char *engine_problem(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if ((info->features & CURL_VERSION_ASYNCHDNS) != 0)
    return NULL;
  return "this libcurl looks up names one at a time (it was built without a threaded resolver and "
         "without c-ares), so one call would block all others; use another libcurl, or the "
         "transport \"blocking\"";
}

static bool copy_body(struct engine_job *job) {
  struct exchange *exchange = &job->exchange;
  if (!exchange->has_body || exchange->body_length == 0 || exchange->secret_body.length > 0)
    return true;
  job->body = malloc(exchange->body_length);
  if (job->body == NULL)
    return false;
  memcpy(job->body, exchange->body, exchange->body_length);
  exchange->body = job->body;
  return true;
}

/* Leaves an exchange whose content is in the job. */
static void leave_stub(struct exchange *home, struct engine_job *job) {
  struct exchange stub;
  exchange_init(&stub, home->kind);
  stub.number = home->number;
  stub.generation = home->generation;
  stub.stream = home->stream;
  stub.progress.wanted = home->progress.wanted;
  stub.state = EXCHANGE_RUNNING;
  stub.job = job;
  *home = stub;
}

static struct engine_job *make_job(struct engine_core *core, struct connections *connections,
                                   struct exchange *home) {
  struct engine_job *job = calloc(1, sizeof *job);
  if (job == NULL)
    return NULL;
  job->core = core;
  job->home = home;
  job->connections = connections;
  job->exchange = *home;
  job->exchange.sockets = &core->poller.sockets;
  buffer_init(&job->piece, 0, home->kind != EXCHANGE_REQUEST);
  /* Concurrent transfers are the rule here. Without TLS a connection cannot be shared. */
  job->exchange.share_connection = !home->direct;
  job->limiter = engine_limiter_use(&connections->limiter);
  if (job->limiter != NULL && copy_body(job))
    return job;
  engine_limiter_release(job->limiter);
  free_job(job);
  return NULL;
}

/* Under the lock. Queues the job for the engine's thread. True if the thread must be woken. */
static bool request(struct engine_core *core, struct engine_job *job) {
  list_append(&core->requests, &job->queued);
  bool wake = core->sleeping;
  core->sleeping = false;
  return wake;
}

static void submit(struct engine_core *core, struct engine_job *job) {
  list_append(&core->jobs, &job->all);
  pthread_mutex_lock(&core->lock);
  core->in_flight++;
  bool wake = request(core, job);
  pthread_mutex_unlock(&core->lock);
  if (wake)
    poller_wake(&core->poller);
}

void engine_start(struct engine *engine, struct connections *connections,
                  struct exchange *exchange) {
  if (!engine_ensure(engine, &exchange->failure)) {
    exchange->state = EXCHANGE_DONE;
    return;
  }
  struct engine_core *core = engine->core;
  sweep(core, engine->limit);
  if (core->jobs.count >= engine->limit) {
    char text[96];
    snprintf(text, sizeof text, "too many calls are in progress (at most %zu); nothing was sent",
             engine->limit);
    exchange_fail(exchange, FAILURE_NETWORK, "EAGAIN", text);
    return;
  }
  struct engine_job *job = make_job(core, connections, exchange);
  if (job == NULL) {
    exchange_fail_memory(exchange);
    return;
  }
  CURLcode code = connections_acquire(connections, &job->exchange, &core->sessions);
  if (code != CURLE_OK) {
    exchange_finish(exchange, code);
    engine_limiter_release(job->limiter);
    free_job(job);
    return;
  }
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(job->exchange.easy, CURLOPT_QUICK_EXIT, core->awaits_lookups ? 0L : 1L);
#endif
  leave_stub(exchange, job);
  submit(core, job);
}

/* ---- results ---- */

/* A child process does not touch its parent's engine. */
static bool leave_to_parent(struct exchange *exchange) {
  if (engine_is_ours(exchange->job->core))
    return false;
  exchange->job = NULL;
  if (exchange->state == EXCHANGE_RUNNING)
    exchange_fail(exchange, FAILURE_CLOSED, NULL, "the exchange belongs to the parent process");
  return true;
}

/* Under the lock. True if there was a piece or progress. */
static bool take_progress(struct exchange *exchange, struct engine_job *job) {
  bool piece = job->piece.length > 0, moved = job->progress.changed;
  if (piece) {
    struct buffer empty = exchange->reply_body;
    exchange->reply_body = job->piece;
    job->piece = empty;
    exchange->flows = true;
  }
  if (moved)
    exchange->progress = job->progress;
  job->progress.changed = false;
  return piece || moved;
}

void engine_sync(struct exchange *exchange) {
  struct engine_job *job = exchange->job;
  if (job == NULL || leave_to_parent(exchange) || exchange->state != EXCHANGE_RUNNING ||
      exchange->progress.changed || exchange_has_piece(exchange))
    return;
  struct engine_core *core = job->core;
  bool wake = false;
  pthread_mutex_lock(&core->lock);
  bool progress = take_progress(exchange, job);
  bool ended = !progress && job->state == JOB_ENDED;
  bool overdue = !progress && !ended && job->overdue;
  take_completion(core, job);
  if (progress && job->state == JOB_RUNNING)
    wake = request(core, job);
  pthread_mutex_unlock(&core->lock);
  if (wake)
    poller_wake(&core->poller);
  if (ended)
    return_job(job);
  else if (overdue)
    engine_cancel(exchange, FAILURE_TIMEOUT, NULL);
}

void engine_cancel(struct exchange *exchange, enum failure_kind kind, const char *message) {
  struct engine_job *job = exchange->job;
  if (job == NULL || leave_to_parent(exchange) || exchange->state != EXCHANGE_RUNNING)
    return;
  struct engine_core *core = job->core;
  pthread_mutex_lock(&core->lock);
  bool ended = job->state == JOB_ENDED, queued = job->state == JOB_QUEUED, wake = false;
  take_completion(core, job);
  if (!ended) {
    job->cancelled = true;
    core->in_flight--;
    wake = request(core, job);
  }
  pthread_mutex_unlock(&core->lock);
  if (wake)
    poller_wake(&core->poller);
  if (ended) {
    return_job(job);
    return;
  }
  exchange->sendings = queued ? 0 : 1; /* may have been sent */
  if (kind == FAILURE_TIMEOUT) {
    failure_set_curl(&exchange->failure, CURLE_OPERATION_TIMEDOUT);
    exchange->sendings = 0;
    exchange->state = EXCHANGE_DONE;
  } else {
    exchange_fail(exchange, kind, NULL, message);
  }
}

void engine_detach(struct exchange *exchange) {
  struct engine_job *job = exchange->job;
  if (job == NULL || leave_to_parent(exchange))
    return;
  exchange->job = NULL;
  job->home = NULL;
}

void engine_cancel_all(struct engine *engine, struct connections *connections) {
  engine_limiter_release(connections->limiter);
  connections->limiter = NULL;
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return;
  struct list_link *following = NULL;
  for (struct list_link *each = core->jobs.first; each != NULL; each = following) {
    struct engine_job *job = job_of(each);
    following = each->next;
    if (job->connections != connections)
      continue;
    job->connections = NULL;
    if (job->home != NULL)
      engine_cancel(job->home, FAILURE_CLOSED, "the client was closed");
  }
}

/* ---- completions ---- */

void engine_drain(struct engine *engine) {
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return;
  pthread_mutex_lock(&core->lock);
  engine_notify_drain(&core->notify);
  pthread_mutex_unlock(&core->lock);
}

struct exchange *engine_next(struct engine *engine) {
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return NULL;
  for (;;) {
    pthread_mutex_lock(&core->lock);
    struct engine_job *job = LIST_ITEM(core->completions.first, struct engine_job, queued);
    bool ended = job != NULL && job->state == JOB_ENDED;
    if (job != NULL)
      list_remove(&job->queued);
    pthread_mutex_unlock(&core->lock);
    if (job == NULL)
      return NULL;
    struct exchange *home = job->home;
    if (home == NULL || home->state != EXCHANGE_RUNNING) {
      if (ended)
        return_job(job);
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
  size_t count = core->in_flight;
  pthread_mutex_unlock(&core->lock);
  return count;
}

/* ---- blocking wait ---- */

static bool has_completion(const struct engine_job *job) {
  return job->state == JOB_ENDED || job->overdue || job->piece.length > 0 || job->progress.changed;
}

/* Under the lock. */
static bool is_over(const struct engine_core *core, const struct connections *connections,
                    const struct exchange *exchange) {
  if (exchange != NULL)
    return exchange->job == NULL || exchange->state != EXCHANGE_RUNNING ||
           has_completion(exchange->job);
  bool any = false;
  for (struct list_link *each = core->jobs.first; each != NULL; each = each->next) {
    const struct engine_job *job = job_of(each);
    if (job->connections != connections || job->home == NULL || job->cancelled)
      continue;
    if (job->state == JOB_ENDED || job->overdue)
      return true;
    any = true;
  }
  return !any;
}

static struct timespec wall_clock_in(double seconds) {
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
    struct timespec until = wall_clock_in(left < SLICE_SECONDS ? left : SLICE_SECONDS);
    pthread_mutex_lock(&core->lock);
    over = is_over(core, connections, exchange) || left <= 0.0;
    if (!over)
      pthread_cond_timedwait(&core->changed, &core->lock, &until);
    pthread_mutex_unlock(&core->lock);
  }
}

/* ---- descriptors ---- */

int engine_descriptor(struct engine *engine, struct failure *failure) {
  return engine_ensure(engine, failure) ? engine->core->notify.outer : -1;
}

bool engine_listen(struct engine *engine, char *path, size_t size, struct failure *failure) {
  if (!engine_ensure(engine, failure))
    return false;
  struct engine_core *core = engine->core;
  pthread_mutex_lock(&core->lock);
  bool ok = engine_notify_listen(&core->notify, path, size, failure);
  core->sleeping = false;
  pthread_mutex_unlock(&core->lock);
  poller_wake(&core->poller);
  return ok;
}

/* ---- close ---- */

void engine_close(struct engine *engine) {
  struct engine_core *core = engine->core;
  engine->closed = true;
  engine->core = NULL;
  if (core == NULL || !engine_is_ours(core)) /* the parent's: not touched, not freed */
    return;
  engine_stop(core);
  struct list_link *following = NULL;
  for (struct list_link *each = core->jobs.first; each != NULL; each = following) {
    following = each->next;
    return_job(job_of(each));
  }
  engine_free(core);
}
