/* The engine's thread. Only this thread calls libcurl for exchanges in the engine. It never holds
   the lock during a call into libcurl. */
#include "../base.h"

#include <stdlib.h>

#include "../process/clock.h"
#include "engine_state.h"
#include "limiter.h"

static const double IDLE_SECONDS = 60.0; /* the longest poll */
static const double GRACE_SECONDS = 2.0; /* how long a reader stays connected with no transfer in
                                            flight */
static const size_t HEAP_HINT = (size_t)4 << 20; /* bytes; a running transfer takes about 33 KiB */

static double now(void) {
  const struct clock clock = {0};
  return clock_monotonic(&clock);
}

/* Call it without the lock, which the woken thread takes at once. */
static void wake_caller(struct engine_core *core, int target) {
  pthread_cond_broadcast(&core->changed);
  if (target < 0 || engine_notify_send(target))
    return;
  pthread_mutex_lock(&core->lock);
  target = engine_notify_fall_back(&core->notify);
  pthread_mutex_unlock(&core->lock);
  engine_notify_send(target);
}

/* ---- jobs ---- */

static struct engine_job *job_of(struct list_link *link) {
  return LIST_ITEM(link, struct engine_job, active);
}

static struct engine_job *first_held(struct list_link *limiter) {
  return job_of(LIST_ITEM(limiter, struct engine_limiter, active)->held.first);
}

static void end_all(struct engine_core *core, CURLcode code) {
  while (core->running.first != NULL)
    engine_end_job(core, job_of(core->running.first), code);
  while (core->limiters.first != NULL)
    engine_end_job(core, first_held(core->limiters.first), code);
}

/* For when libcurl is out of memory. */
static void fail_all(struct engine_core *core) {
  end_all(core, CURLE_OUT_OF_MEMORY);
  poller_discard(&core->poller);
}

static void add_to_multi(struct engine_core *core, struct engine_job *job) {
  if (!poller_add(&core->poller, job->exchange.easy))
    engine_end_job(core, job, CURLE_OUT_OF_MEMORY);
}

static void begin(struct engine_core *core, struct engine_job *job, bool cancelled) {
  if (cancelled) {
    exchange_fail(&job->exchange, FAILURE_CANCELLED, NULL, "the call was cancelled");
    engine_hand_back(core, job);
    return;
  }
  engine_timeouts_set(core, job);
  core->streams += engine_streams(job);
  if (engine_limiter_enter(core, job))
    add_to_multi(core, job);
}

static void begin_held(struct engine_core *core) {
  for (;;) {
    struct engine_job *job = engine_limiter_next(core);
    if (job == NULL)
      return;
    add_to_multi(core, job);
  }
}

/* ---- pieces and progress ---- */

static void move_piece(struct engine_job *job) {
  struct buffer piece = job->piece;
  size_t limit = job->exchange.reply_body.limit;
  job->piece = job->exchange.reply_body;
  job->exchange.reply_body = piece;
  job->exchange.reply_body.limit = limit;
}

static void offer(struct engine_core *core, struct engine_job *job) {
  struct exchange *exchange = &job->exchange;
  bool piece = exchange_has_piece(exchange), moved = exchange->progress.changed;
  if (!piece && !moved)
    return;
  pthread_mutex_lock(&core->lock);
  if (moved)
    job->progress = exchange->progress;
  piece = piece && job->piece.length == 0;
  if (piece)
    move_piece(job);
  if ((piece || moved) && !job->cancelled)
    engine_complete(core, job);
  pthread_mutex_unlock(&core->lock);
  exchange->progress.changed = false;
  if (piece && exchange->paused)
    idle_clock_touch(&exchange->idle);         /* the reader was slow, not the network */
  if (piece && !exchange_drop_piece(exchange)) /* resumes a paused transfer */
    poller_fail(&core->poller);
}

/* ---- one round ---- */

/* Under the lock. */
static void pause_for_fork(struct engine_core *core) {
  while (core->pause) {
    core->paused = true;
    pthread_cond_broadcast(&core->changed);
    pthread_cond_wait(&core->changed, &core->lock);
  }
  core->paused = false;
}

/* *requests: how many there are now; later ones wait for the next round. False: stop. */
static bool begin_round(struct engine_core *core, size_t *requests) {
  pthread_mutex_lock(&core->lock);
  pause_for_fork(core);
  bool stop = core->stop;
  core->sleeping = false;
  *requests = core->requests.count;
  pthread_mutex_unlock(&core->lock);
  return !stop;
}

static void do_request(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  struct engine_job *job = LIST_ITEM(core->requests.first, struct engine_job, queued);
  bool begins = job != NULL && job->state == JOB_QUEUED;
  bool cancelled = job != NULL && job->cancelled;
  if (job != NULL) {
    list_remove(&job->queued);
    job->state = JOB_RUNNING;
  }
  pthread_mutex_unlock(&core->lock);
  if (begins)
    begin(core, job, cancelled);
  else if (cancelled)
    engine_timeouts_cancel(core, job);
  else if (job != NULL)
    offer(core, job);
}

static void do_requests(struct engine_core *core, size_t count) {
  while (count-- > 0)
    do_request(core);
}

static void read_messages(struct engine_core *core) {
  int left = 0;
  exchange_listen(&core->poller.sockets);
  for (;;) {
    CURLMsg *message = curl_multi_info_read(core->poller.multi, &left);
    if (message == NULL)
      return;
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode code = message->data.result;
    CURL *easy = message->easy_handle;
    char *context = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
    /* The exchange is the first member of its job. */
    struct engine_job *job = (struct engine_job *)(void *)context;
    if (exchange_rewind(&job->exchange, code) &&
        poller_add_again(&core->poller, easy, job->exchange.easy)) {
      engine_timeouts_set(core, job);
      continue;
    }
    engine_end_job(core, job, code);
  }
}

static void offer_all(struct engine_core *core) {
  if (core->streams == 0)
    return;
  for (struct list_link *each = core->running.first; each != NULL; each = each->next)
    if (engine_streams(job_of(each)))
      offer(core, job_of(each));
}

/* ---- waiting ---- */

/* True if there is no work. *listener: the listener to poll, or -1. *wait: lowered to the next
   timeout. Closes a reader that is idle for too long. */
static bool prepare_to_sleep(struct engine_core *core, int *listener, double *wait) {
  double time = now();
  pthread_mutex_lock(&core->lock);
  bool work = core->requests.count > 0 || core->stop || core->pause;
  *listener = core->notify.listener;
  if (core->in_flight > 0 || core->completions.count > 0 || core->notify.reader < 0) {
    core->idle_since = time;
  } else if (time - core->idle_since >= GRACE_SECONDS) {
    engine_notify_close_reader(&core->notify);
  }
  if (core->in_flight == 0 && core->notify.reader >= 0)
    *wait = GRACE_SECONDS - (time - core->idle_since);
  core->sleeping = !work;
  bool completed = core->has_completed;
  int target = completed ? engine_notify_target(&core->notify) : -1;
  core->has_completed = false;
  pthread_mutex_unlock(&core->lock);
  if (completed)
    wake_caller(core, target);
  if (core->next_timeout - time < *wait)
    *wait = core->next_timeout > time ? core->next_timeout - time : 0.0;
  return !work;
}

static void accept_reader(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  if (core->notify.listener >= 0 && engine_notify_accept(&core->notify)) {
    core->idle_since = now();
    core->has_completed = core->has_completed || core->completions.count > 0;
  }
  pthread_mutex_unlock(&core->lock);
}

static void sleep_until_work(struct engine_core *core) {
  int listener = -1;
  double wait = IDLE_SECONDS;
  if (!prepare_to_sleep(core, &listener, &wait))
    return;
  poller_watch_own(&core->poller, listener);
  bool ok = poller_wait(&core->poller, wait);
  /* What ends meanwhile is reported by the same notification. */
  if (ok && core->running.count > 1)
    ok = poller_wait(&core->poller, 0.0);
  if (!ok)
    fail_all(core);
  if (poller_own_is_ready(&core->poller))
    accept_reader(core);
}

/* glibc trims the heap when more than 128 KiB at its top are free. The calls of one round allocate
   and free more than that, so each round would pay for fresh pages (a quarter of the CPU time with
   64 calls over TLS). glibc raises its limit to twice the largest mapped block that was freed, so
   this frees one. The block is never touched. */
static void raise_trim_threshold(void) {
  void *volatile block = malloc(HEAP_HINT);
  free(block);
}

static void fail_closed(struct engine_job *job) {
  if (job->exchange.failure.kind == FAILURE_NONE)
    failure_set(&job->exchange.failure, FAILURE_CLOSED, NULL, "the engine was closed");
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(job->exchange.easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

void *engine_run(void *context) {
  struct engine_core *core = context;
  raise_trim_threshold();
  size_t requests = 0;
  while (begin_round(core, &requests)) {
    do_requests(core, requests);
    if (!poller_do_due(&core->poller))
      fail_all(core);
    read_messages(core);
    begin_held(core);
    offer_all(core);
    engine_timeouts_check(core);
    sleep_until_work(core);
  }
  do_requests(core, requests);
  for (struct list_link *each = core->running.first; each != NULL; each = each->next)
    fail_closed(job_of(each));
  for (struct list_link *each = core->limiters.first; each != NULL; each = each->next)
    for (struct list_link *held = LIST_ITEM(each, struct engine_limiter, active)->held.first;
         held != NULL; held = held->next)
      fail_closed(job_of(held));
  end_all(core, CURLE_OK);
#if LIBCURL_VERSION_NUM >= 0x081400
  curl_multi_setopt(core->poller.multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
  poller_discard(&core->poller);
  return NULL;
}
