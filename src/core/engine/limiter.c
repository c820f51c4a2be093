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

/* ---- enter and leave ---- */

static void admit(struct engine_core *core, struct engine_job *job) {
  job->limiter->running++;
  job->admitted = true;
  list_append(&core->running, &job->active);
}

static void learn_http1(struct engine_limiter *limiter) {
  limiter->is_http1 = true;
  limiter->room = LIMITER_CONNECTIONS;
}

bool engine_limiter_enter(struct engine_core *core, struct engine_job *job) {
  struct engine_limiter *limiter = job->limiter;
  if (!job->exchange.share_connection)
    learn_http1(limiter);
  if (limiter->held.count == 0 && limiter->running < limiter->room) {
    admit(core, job);
    return true;
  }
  list_append(&limiter->held, &job->active);
  list_append(&core->limiters, &limiter->active);
  return false;
}

/* Call it when a held job has left. */
static void leave_if_empty(struct engine_limiter *limiter) {
  if (limiter->held.count == 0)
    list_remove(&limiter->active);
}

void engine_limiter_leave(struct engine_job *job) {
  struct engine_limiter *limiter = job->limiter;
  long version = job->exchange.http_version;
  list_remove(&job->active);
  if (!job->admitted) {
    leave_if_empty(limiter);
    return;
  }
  limiter->running--;
  if (limiter->connecting == job)
    limiter->connecting = NULL;
  if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
    learn_http1(limiter);
  else if (limiter->running == 0 && limiter->held.count == 0)
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
  if (limiter->connecting != NULL && has_connected(limiter->connecting, &fresh)) {
    limiter->connecting = NULL;
    if (fresh)
      limiter->room += LIMITER_STREAMS;
  }
  if (limiter->running < limiter->room)
    return true;
  if (limiter->is_http1 || limiter->connecting != NULL ||
      limiter->room >= (size_t)LIMITER_STREAMS * LIMITER_CONNECTIONS)
    return false;
  limiter->connecting = first;
  return true;
}

struct engine_job *engine_limiter_next(struct engine_core *core) {
  for (struct list_link *each = core->limiters.first; each != NULL; each = each->next) {
    struct engine_limiter *limiter = LIST_ITEM(each, struct engine_limiter, active);
    struct engine_job *job = LIST_ITEM(limiter->held.first, struct engine_job, active);
    if (!has_room(limiter, job))
      continue;
    admit(core, job);
    leave_if_empty(limiter);
    return job;
  }
  return NULL;
}
