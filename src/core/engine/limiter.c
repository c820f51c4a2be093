#include "../base.h"

#include <stdlib.h>

#include "../process/process_id.h"
#include "engine_state.h"
#include "limiter.h"

struct engine_limiter *engine_limiter_use(struct engine_limiter **place) {
  struct engine_limiter *limiter = *place;
  if (limiter == NULL || limiter->process != process_id()) {
    limiter = calloc(1, sizeof *limiter);
    if (limiter == NULL)
      return NULL;
    limiter->process = process_id();
    limiter->room = LIMITER_STREAMS;
    limiter->users = 1;
    *place = limiter;
  }
  limiter->users++;
  return limiter;
}

void engine_limiter_release(struct engine_limiter *limiter) {
  if (limiter != NULL && limiter->process == process_id() && --limiter->users == 0)
    free(limiter);
}

/* ---- held jobs ---- */

static void hold(struct engine_core *core, struct engine_limiter *limiter, struct engine_job *job) {
  if (limiter->held == NULL) {
    limiter->previous = NULL;
    limiter->next = core->limiters;
    if (limiter->next != NULL)
      limiter->next->previous = limiter;
    core->limiters = limiter;
  }
  job->next_held = NULL;
  job->prior_held = limiter->held_end;
  if (limiter->held_end != NULL)
    limiter->held_end->next_held = job;
  else
    limiter->held = job;
  limiter->held_end = job;
}

static void let_go(struct engine_core *core, struct engine_limiter *limiter,
                   struct engine_job *job) {
  if (job->prior_held != NULL)
    job->prior_held->next_held = job->next_held;
  else
    limiter->held = job->next_held;
  if (job->next_held != NULL)
    job->next_held->prior_held = job->prior_held;
  else
    limiter->held_end = job->prior_held;
  if (limiter->held != NULL)
    return;
  if (limiter->previous != NULL)
    limiter->previous->next = limiter->next;
  else
    core->limiters = limiter->next;
  if (limiter->next != NULL)
    limiter->next->previous = limiter->previous;
}

/* ---- enter and leave ---- */

static void learn_single(struct engine_limiter *limiter) {
  limiter->single = true;
  limiter->room = LIMITER_CONNECTIONS;
}

bool engine_limiter_enter(struct engine_core *core, struct engine_job *job) {
  struct engine_limiter *limiter = job->limiter;
  if (!job->exchange.share_connection)
    learn_single(limiter);
  if (limiter->held == NULL && limiter->running < limiter->room) {
    limiter->running++;
    job->let_in = true;
  } else {
    hold(core, limiter, job);
  }
  return job->let_in;
}

void engine_limiter_leave(struct engine_core *core, struct engine_job *job) {
  struct engine_limiter *limiter = job->limiter;
  long version = job->exchange.http_version;
  if (!job->let_in) {
    let_go(core, limiter, job);
    return;
  }
  limiter->running--;
  if (limiter->pioneer == job)
    limiter->pioneer = NULL;
  if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
    learn_single(limiter);
  else if (limiter->running == 0 && limiter->held == NULL)
    limiter->room = LIMITER_STREAMS; /* connections may be closed by the next call */
}

/* True if the job's connection is up. *fresh: it is a new connection. */
static bool has_connected(const struct engine_job *job, bool *fresh) {
  curl_off_t connected = 0;
  long connects = 0;
  curl_easy_getinfo(job->exchange.easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  curl_easy_getinfo(job->exchange.easy, CURLINFO_NUM_CONNECTS, &connects);
  *fresh = connects > 0;
  return connected > 0 || job->exchange.sendings > 0;
}

static bool has_room(struct engine_limiter *limiter, struct engine_job *first) {
  bool fresh = false;
  if (limiter->pioneer != NULL && has_connected(limiter->pioneer, &fresh)) {
    limiter->pioneer = NULL;
    if (fresh)
      limiter->room += LIMITER_STREAMS;
  }
  if (limiter->running < limiter->room)
    return true;
  if (limiter->single || limiter->pioneer != NULL ||
      limiter->room >= (size_t)LIMITER_STREAMS * LIMITER_CONNECTIONS)
    return false;
  limiter->pioneer = first;
  return true;
}

struct engine_job *engine_limiter_next(struct engine_core *core) {
  for (struct engine_limiter *limiter = core->limiters; limiter != NULL; limiter = limiter->next) {
    struct engine_job *job = limiter->held;
    if (!has_room(limiter, job))
      continue;
    let_go(core, limiter, job);
    limiter->running++;
    job->let_in = true;
    return job;
  }
  return NULL;
}
