#include "base.h"

#include <stdlib.h>

#include "engine_core.h"
#include "engine_lane.h"
#include "process_id.h"

struct engine_lane *engine_lane_use(struct engine_lane **place) {
  struct engine_lane *lane = *place;
  if (lane == NULL || lane->process != process_id()) {
    lane = calloc(1, sizeof *lane);
    if (lane == NULL)
      return NULL;
    lane->process = process_id();
    lane->room = LANE_STREAMS;
    lane->users = 1;
    *place = lane;
  }
  lane->users++;
  return lane;
}

void engine_lane_release(struct engine_lane *lane) {
  if (lane != NULL && lane->process == process_id() && --lane->users == 0)
    free(lane);
}

/* ---- what is held ---- */

static void hold(struct engine_core *core, struct engine_lane *lane, struct engine_job *job) {
  if (lane->held == NULL) {
    lane->previous = NULL;
    lane->next = core->lanes;
    if (lane->next != NULL)
      lane->next->previous = lane;
    core->lanes = lane;
  }
  job->next_held = NULL;
  job->prior_held = lane->held_end;
  if (lane->held_end != NULL)
    lane->held_end->next_held = job;
  else
    lane->held = job;
  lane->held_end = job;
}

static void let_go(struct engine_core *core, struct engine_lane *lane, struct engine_job *job) {
  if (job->prior_held != NULL)
    job->prior_held->next_held = job->next_held;
  else
    lane->held = job->next_held;
  if (job->next_held != NULL)
    job->next_held->prior_held = job->prior_held;
  else
    lane->held_end = job->prior_held;
  if (lane->held != NULL)
    return;
  if (lane->previous != NULL)
    lane->previous->next = lane->next;
  else
    core->lanes = lane->next;
  if (lane->next != NULL)
    lane->next->previous = lane->previous;
}

/* ---- in and out ---- */

static void learn_single(struct engine_lane *lane) {
  lane->single = true;
  lane->room = LANE_CONNECTIONS;
}

bool engine_lane_enter(struct engine_core *core, struct engine_job *job) {
  struct engine_lane *lane = job->lane;
  if (!job->exchange.share_connection)
    learn_single(lane);
  if (lane->held == NULL && lane->running < lane->room) {
    lane->running++;
    job->let_in = true;
  } else {
    hold(core, lane, job);
  }
  return job->let_in;
}

void engine_lane_leave(struct engine_core *core, struct engine_job *job) {
  struct engine_lane *lane = job->lane;
  long version = job->exchange.http_version;
  if (!job->let_in) {
    let_go(core, lane, job);
    return;
  }
  lane->running--;
  if (lane->pioneer == job)
    lane->pioneer = NULL;
  if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
    learn_single(lane);
  else if (lane->running == 0 && lane->held == NULL)
    lane->room = LANE_STREAMS; /* who knows what is still up when the next ones come */
}

/* Whether its connection is up, and whether that is a new one. */
static bool has_connected(const struct engine_job *job, bool *fresh) {
  curl_off_t connected = 0;
  long connects = 0;
  curl_easy_getinfo(job->exchange.easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  curl_easy_getinfo(job->exchange.easy, CURLINFO_NUM_CONNECTS, &connects);
  *fresh = connects > 0;
  return connected > 0 || job->exchange.sendings > 0;
}

static bool has_room(struct engine_lane *lane, struct engine_job *first) {
  bool fresh = false;
  if (lane->pioneer != NULL && has_connected(lane->pioneer, &fresh)) {
    lane->pioneer = NULL;
    if (fresh)
      lane->room += LANE_STREAMS;
  }
  if (lane->running < lane->room)
    return true;
  if (lane->single || lane->pioneer != NULL ||
      lane->room >= (size_t)LANE_STREAMS * LANE_CONNECTIONS)
    return false;
  lane->pioneer = first;
  return true;
}

struct engine_job *engine_lane_next(struct engine_core *core) {
  for (struct engine_lane *lane = core->lanes; lane != NULL; lane = lane->next) {
    struct engine_job *job = lane->held;
    if (!has_room(lane, job))
      continue;
    let_go(core, lane, job);
    lane->running++;
    job->let_in = true;
    return job;
  }
  return NULL;
}
