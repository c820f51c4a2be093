#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../process/descriptor_shortage.h"
#include "engine.h"
#include "engine_state.h"
#include "jobs.h"
#include "limiter.h"
#include "start.h"

enum { SWEEP_FROM = 16 };

/* ---- list of jobs, owned by the caller ---- */

static void link_job(struct engine_core *core, struct engine_job *job) {
  job->next = core->jobs;
  if (job->next != NULL)
    job->next->previous = job;
  core->jobs = job;
  core->count++;
}

static void unlink_job(struct engine_core *core, struct engine_job *job) {
  if (job->previous != NULL)
    job->previous->next = job->next;
  else
    core->jobs = job->next;
  if (job->next != NULL)
    job->next->previous = job->previous;
  core->count--;
}

static void free_job(struct engine_job *job) {
  buffer_free(&job->piece);
  free(job->body);
  free(job);
}

void engine_give_back(struct engine_core *core, struct engine_job *job) {
  struct exchange *home = job->home;
  unlink_job(core, job);
  engine_limiter_release(job->limiter);
  connections_give_back(job->connections, &job->exchange);
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

/* Frees abandoned jobs that have ended, for callers that never call engine_next. */
static void sweep(struct engine_core *core, size_t limit) {
  if (core->count < core->sweep_at && core->count < limit)
    return;
  struct engine_job *following = NULL;
  for (struct engine_job *job = core->jobs; job != NULL; job = following) {
    following = job->next;
    pthread_mutex_lock(&core->lock);
    bool unwanted = job->home == NULL && job->state == JOB_ENDED;
    if (unwanted)
      engine_untell(core, job);
    pthread_mutex_unlock(&core->lock);
    if (unwanted)
      engine_give_back(core, job);
  }
  core->sweep_at = 2 * core->count + SWEEP_FROM;
}

/* ---- start ---- */

bool engine_ensure(struct engine *engine, struct failure *failure) {
  if (engine->closed) {
    failure_set(failure, FAILURE_CLOSED, NULL, "the engine was closed");
    return false;
  }
  if (engine->core != NULL && engine_is_ours(engine->core))
    return true;
  engine->core = engine_make(engine->patient);
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
         "without c-ares), so one call would hold up all others; use another libcurl, or the "
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

/* Turns the lent exchange into a stub. */
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

static void submit(struct engine_core *core, struct engine_job *job) {
  pthread_mutex_lock(&core->lock);
  if (core->queue_end != NULL)
    core->queue_end->next_queued = job;
  else
    core->queue = job;
  core->queue_end = job;
  core->under_way++;
  bool wake = core->sleeping;
  core->sleeping = false;
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
  if (core->count >= engine->limit) {
    char text[96];
    snprintf(text, sizeof text, "too many calls are under way (%zu at most); nothing was sent",
             engine->limit);
    exchange_fail(exchange, FAILURE_NETWORK, "EAGAIN", text);
    return;
  }
  struct engine_job *job = make_job(core, connections, exchange);
  if (job == NULL) {
    exchange_fail_memory(exchange);
    return;
  }
  CURLcode code = connections_lend(connections, &job->exchange, &core->sessions);
  if (code != CURLE_OK) {
    exchange_finish(exchange, code);
    engine_limiter_release(job->limiter);
    free_job(job);
    return;
  }
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(job->exchange.easy, CURLOPT_QUICK_EXIT, core->patient ? 0L : 1L);
#endif
  leave_stub(exchange, job);
  link_job(core, job);
  submit(core, job);
}

/* ---- results ---- */

/* A child process does not touch its parent's engine. */
static bool leave_parents(struct exchange *exchange) {
  if (engine_is_ours(exchange->job->core))
    return false;
  exchange->job = NULL;
  if (exchange->state == EXCHANGE_RUNNING)
    exchange_fail(exchange, FAILURE_CLOSED, NULL, "the exchange belongs to the parent process");
  return true;
}

/* Under the lock. Queues the job for the engine's thread. True if the thread must be woken. */
static bool ask_for_care(struct engine_core *core, struct engine_job *job) {
  if (job->state != JOB_RUNNING || job->wants_care)
    return false;
  job->wants_care = true;
  job->prior_care = NULL;
  job->next_care = core->care;
  if (job->next_care != NULL)
    job->next_care->prior_care = job;
  core->care = job;
  bool wake = core->sleeping;
  core->sleeping = false;
  return wake;
}

/* Under the lock. True if there was a piece or progress. */
static bool take_news(struct exchange *exchange, struct engine_job *job) {
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
  if (job == NULL || leave_parents(exchange) || exchange->state != EXCHANGE_RUNNING ||
      exchange->progress.changed || exchange_has_piece(exchange))
    return;
  struct engine_core *core = job->core;
  bool wake = false;
  pthread_mutex_lock(&core->lock);
  bool news = take_news(exchange, job);
  bool ended = !news && job->state == JOB_ENDED;
  bool overdue = !news && !ended && job->overdue;
  engine_untell(core, job);
  if (news)
    wake = ask_for_care(core, job);
  pthread_mutex_unlock(&core->lock);
  if (wake)
    poller_wake(&core->poller);
  if (ended)
    engine_give_back(core, job);
  else if (overdue)
    engine_cancel(exchange, FAILURE_TIMEOUT, NULL);
}

void engine_cancel(struct exchange *exchange, enum failure_kind kind, const char *message) {
  struct engine_job *job = exchange->job;
  if (job == NULL || leave_parents(exchange) || exchange->state != EXCHANGE_RUNNING)
    return;
  struct engine_core *core = job->core;
  pthread_mutex_lock(&core->lock);
  bool ended = job->state == JOB_ENDED, wake = false;
  bool queued = job->state == JOB_QUEUED;
  if (!ended) {
    job->cancelled = true;
    core->under_way--;
    wake = ask_for_care(core, job);
  }
  engine_untell(core, job);
  pthread_mutex_unlock(&core->lock);
  if (wake)
    poller_wake(&core->poller);
  if (ended) {
    engine_give_back(core, job);
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
  if (job == NULL || leave_parents(exchange))
    return;
  exchange->job = NULL;
  job->home = NULL;
}

void engine_drop(struct engine *engine, struct connections *connections) {
  engine_limiter_release(connections->limiter);
  connections->limiter = NULL;
  struct engine_core *core = engine->core;
  if (core == NULL || !engine_is_ours(core))
    return;
  struct engine_job *following = NULL;
  for (struct engine_job *job = core->jobs; job != NULL; job = following) {
    following = job->next;
    if (job->connections != connections)
      continue;
    job->connections = NULL;
    if (job->home != NULL)
      engine_cancel(job->home, FAILURE_CLOSED, "the client was closed");
  }
}

/* ---- close ---- */

void engine_close(struct engine *engine) {
  struct engine_core *core = engine->core;
  engine->closed = true;
  engine->core = NULL;
  if (core == NULL || !engine_is_ours(core)) /* the parent's: not touched, not freed */
    return;
  engine_stop(core);
  struct engine_job *following = NULL;
  for (struct engine_job *job = core->jobs; job != NULL; job = following) {
    following = job->next;
    engine_give_back(core, job);
  }
  engine_free(core);
}
