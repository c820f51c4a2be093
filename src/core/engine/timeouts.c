#include "../base.h"

#include <math.h>

#include "../process/clock.h"
#include "engine_state.h"
#include "limiter.h"

static const double WAIT_STEP = 0.05;     /* seconds between checks of parked jobs */
static const long NO_LIMIT = 1000000000L; /* milliseconds; 0 means libcurl's default */

static double now(void) {
  const struct clock clock = {0};
  return clock_monotonic(&clock);
}

/* libcurl's timers do not run while a handle waits for a connection that another handle opens. So
   the engine checks the timeouts too, a little later. */
void engine_timeouts_set(struct engine_core *core, struct engine_job *job) {
  struct exchange *exchange = &job->exchange;
  double time = now() + (core->awaits_lookups ? 0.0 : WAIT_STEP);
  job->connect_by = time + exchange->connect_timeout;
  job->end_by = exchange->timeout > 0.0 ? time + exchange->timeout : HUGE_VAL;
  double first = job->connect_by < job->end_by ? job->connect_by : job->end_by;
  if (exchange->idle.limit > 0.0 && time + exchange->idle.limit < first)
    first = time + exchange->idle.limit;
  if (first < core->next_timeout)
    core->next_timeout = first;
  if (core->awaits_lookups) { /* libcurl's timeouts would block on the lookup */
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(exchange->easy, CURLOPT_CONNECTTIMEOUT_MS, NO_LIMIT);
  }
}

static bool is_connecting(const struct engine_job *job) {
  curl_off_t connected = 0;
  curl_easy_getinfo(job->exchange.easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  return connected == 0 && job->exchange.sendings == 0;
}

static bool is_looking_up(const struct engine_job *job) {
  curl_off_t looked_up = 0;
  if (!job->admitted)
    return false;
  curl_easy_getinfo(job->exchange.easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
  return looked_up == 0 && is_connecting(job); /* a reused connection needs no lookup */
}

/* Expects the failure to be set, which also keeps a parked job from sending. True: the job has
   ended. False: it is parked. */
static bool stop_job(struct engine_core *core, struct engine_job *job) {
  if (!core->awaits_lookups || !is_looking_up(job)) {
    engine_end_job(core, job, CURLE_OK);
    return true;
  }
  job->parked = true;
  core->next_timeout = 0.0;
  return false;
}

void engine_timeouts_cancel(struct engine_core *core, struct engine_job *job) {
  failure_set(&job->exchange.failure, FAILURE_CANCELLED, NULL, "the call was cancelled");
  stop_job(core, job);
}

/* Reports the timeout at once, without waiting for the lookup. */
static void time_out(struct engine_core *core, struct engine_job *job) {
  failure_set_curl(&job->exchange.failure, CURLE_OPERATION_TIMEDOUT);
  if (stop_job(core, job))
    return;
  pthread_mutex_lock(&core->lock);
  job->overdue = true;
  if (!job->cancelled)
    engine_complete(core, job);
  pthread_mutex_unlock(&core->lock);
}

/* The earliest time at which the transfer counts as stalled. */
static double idle_by(const struct exchange *exchange, double time) {
  if (exchange->idle.limit <= 0.0 || exchange->paused)
    return HUGE_VAL;
  return time + idle_clock_left(&exchange->idle, exchange->idle.limit);
}

/* Checks one job; it may be freed. Returns when to check it again. */
static double check_job(struct engine_core *core, struct engine_job *job, double time) {
  if (job->parked) {
    if (is_looking_up(job))
      return time + WAIT_STEP;
    engine_end_job(core, job, CURLE_OK);
    return HUGE_VAL;
  }
  double by = job->end_by;
  if (job->connect_by < by && is_connecting(job))
    by = job->connect_by;
  if (exchange_fail_stalled(&job->exchange)) {
    engine_end_job(core, job, CURLE_OK);
    return HUGE_VAL;
  }
  double idle = idle_by(&job->exchange, time);
  if (time < by)
    return idle < by ? idle : by;
  time_out(core, job);
  return time + WAIT_STEP;
}

/* Checks each job of a list. Returns when to check them again. */
static double check_list(struct engine_core *core, const struct list *list, double time) {
  double next = HUGE_VAL;
  struct list_link *following = NULL;
  for (struct list_link *each = list->first; each != NULL; each = following) {
    following = each->next;
    double by = check_job(core, LIST_ITEM(each, struct engine_job, active), time);
    next = by < next ? by : next;
  }
  return next;
}

void engine_timeouts_check(struct engine_core *core) {
  double time = now();
  if (time < core->next_timeout)
    return;
  core->next_timeout = check_list(core, &core->running, time);
  struct list_link *following = NULL;
  for (struct list_link *each = core->limiters.first; each != NULL; each = following) {
    following = each->next; /* a limiter may be freed when its last job has ended */
    double by = check_list(core, &LIST_ITEM(each, struct engine_limiter, active)->held, time);
    core->next_timeout = by < core->next_timeout ? by : core->next_timeout;
  }
}
