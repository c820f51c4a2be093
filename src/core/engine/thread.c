/* The engine's thread. Only this thread calls libcurl for exchanges on loan. It never holds the
   lock during a call into libcurl. */
#include "../base.h"

#include <stdlib.h>

#include "../process/clock.h"
#include "engine_state.h"
#include "jobs.h"
#include "limiter.h"
#include "timeouts.h"

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
  target = engine_notify_elsewhere(&core->wake);
  pthread_mutex_unlock(&core->lock);
  engine_notify_send(target);
}

static void end_all(struct engine_core *core, CURLcode code) {
  while (core->running != NULL)
    engine_end_job(core, core->running, code);
}

/* For when libcurl is out of memory. */
static void give_all_up(struct engine_core *core) {
  end_all(core, CURLE_OUT_OF_MEMORY);
  poller_discard(&core->poller);
}

static void begin(struct engine_core *core, struct engine_job *job) {
  if (!poller_add(&core->poller, job->exchange.easy))
    engine_end_job(core, job, CURLE_OUT_OF_MEMORY);
}

static void take_in(struct engine_core *core, struct engine_job *job) {
  if (job->taken_cancelled) {
    exchange_fail(&job->exchange, FAILURE_CANCELLED, NULL, "the call was cancelled");
    engine_hand_back(core, job);
    return;
  }
  engine_timeouts_set(core, job);
  engine_link_running(core, job);
  if (engine_limiter_enter(core, job))
    begin(core, job);
}

static void begin_held(struct engine_core *core) {
  for (;;) {
    struct engine_job *job = engine_limiter_next(core);
    if (job == NULL)
      return;
    begin(core, job);
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
    engine_tell(core, job);
  pthread_mutex_unlock(&core->lock);
  exchange->progress.changed = false;
  if (piece && exchange->paused)
    idle_clock_touch(&exchange->idle);         /* the reader was slow, not the network */
  if (piece && !exchange_drop_piece(exchange)) /* resumes a paused transfer */
    poller_fail(&core->poller);
}

/* ---- one round ---- */

/* Under the lock. */
static void stand_still(struct engine_core *core) {
  while (core->hold) {
    core->still = true;
    pthread_cond_broadcast(&core->changed);
    pthread_cond_wait(&core->changed, &core->lock);
  }
  core->still = false;
}

/* Takes both lists under the lock. False: stop. */
static bool take_work(struct engine_core *core, struct engine_job **queued,
                      struct engine_job **care) {
  pthread_mutex_lock(&core->lock);
  stand_still(core);
  bool stop = core->stop;
  core->sleeping = false;
  *queued = core->queue;
  *care = core->care;
  core->queue = core->queue_end = core->care = NULL;
  for (struct engine_job *job = *queued; job != NULL; job = job->next_queued) {
    job->state = JOB_RUNNING;
    job->next_taken = job->next_queued;
    job->taken_cancelled = job->cancelled;
  }
  for (struct engine_job *job = *care; job != NULL; job = job->next_care) {
    job->wants_care = false;
    job->next_taken = job->next_care;
    job->taken_cancelled = job->cancelled;
  }
  pthread_mutex_unlock(&core->lock);
  return !stop;
}

static void do_work(struct engine_core *core, struct engine_job *queued, struct engine_job *care) {
  struct engine_job *following = NULL;
  for (struct engine_job *job = queued; job != NULL; job = following) {
    following = job->next_taken;
    take_in(core, job);
  }
  for (struct engine_job *job = care; job != NULL; job = following) {
    following = job->next_taken;
    if (job->taken_cancelled)
      engine_timeouts_cancel(core, job);
    else
      offer(core, job);
  }
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
  if (core->listened == 0)
    return;
  for (struct engine_job *job = core->running; job != NULL; job = job->next_running)
    if (engine_is_listened(job))
      offer(core, job);
}

/* ---- waiting ---- */

/* True if there is no work. *listener: the listener to poll, or -1. *wait: lowered to the next
   timeout. Closes a reader that is idle for too long. */
static bool prepare_to_sleep(struct engine_core *core, int *listener, double *wait) {
  double time = now();
  pthread_mutex_lock(&core->lock);
  bool work = core->queue != NULL || core->care != NULL || core->stop || core->hold;
  *listener = core->wake.listener;
  if (core->under_way > 0 || core->news != NULL || core->wake.reader < 0) {
    core->idle_since = time;
  } else if (time - core->idle_since >= GRACE_SECONDS) {
    engine_notify_dismiss(&core->wake);
  }
  if (core->under_way == 0 && core->wake.reader >= 0)
    *wait = GRACE_SECONDS - (time - core->idle_since);
  core->sleeping = !work;
  bool telling = core->telling;
  int target = telling ? engine_notify_target(&core->wake) : -1;
  core->telling = false;
  pthread_mutex_unlock(&core->lock);
  if (telling)
    wake_caller(core, target);
  if (core->next_look - time < *wait)
    *wait = core->next_look > time ? core->next_look - time : 0.0;
  return !work;
}

static void take_reader(struct engine_core *core) {
  pthread_mutex_lock(&core->lock);
  if (core->wake.listener >= 0 && engine_notify_accept(&core->wake)) {
    core->idle_since = now();
    core->telling = core->telling || core->news != NULL;
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
  /* What ends meanwhile is reported with the same wake byte. */
  if (ok && core->running != NULL && core->running->next_running != NULL)
    ok = poller_wait(&core->poller, 0.0);
  if (!ok)
    give_all_up(core);
  if (poller_own_is_ready(&core->poller))
    take_reader(core);
}

/* glibc trims the heap when more than 128 KiB at its top are free. The calls of one round allocate
   and free more than that, so each round would pay for fresh pages (a quarter of the CPU time with
   64 calls over TLS). glibc raises its limit to twice the largest mapped block that was freed, so
   this frees one. The block is never touched. */
static void let_heap_keep_what_rounds_use(void) {
  void *volatile block = malloc(HEAP_HINT);
  free(block);
}

void *engine_run(void *context) {
  struct engine_core *core = context;
  let_heap_keep_what_rounds_use();
  struct engine_job *queued = NULL, *care = NULL;
  while (take_work(core, &queued, &care)) {
    do_work(core, queued, care);
    if (!poller_do_due(&core->poller))
      give_all_up(core);
    read_messages(core);
    begin_held(core);
    offer_all(core);
    engine_timeouts_look(core);
    sleep_until_work(core);
  }
  do_work(core, queued, care);
  for (struct engine_job *job = core->running; job != NULL; job = job->next_running) {
    if (job->exchange.failure.kind == FAILURE_NONE)
      failure_set(&job->exchange.failure, FAILURE_CLOSED, NULL, "the engine was closed");
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(job->exchange.easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  }
  end_all(core, CURLE_OK);
#if LIBCURL_VERSION_NUM >= 0x081400
  curl_multi_setopt(core->poller.multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
  poller_discard(&core->poller);
  return NULL;
}
