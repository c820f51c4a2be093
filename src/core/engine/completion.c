/* The end of a job, on the engine's thread. */
#include "../base.h"

#include "../transfer/dead_connection.h"
#include "engine_state.h"
#include "limiter.h"

void engine_hand_back(struct engine_core *core, struct engine_job *job) {
  pthread_mutex_lock(&core->lock);
  job->state = JOB_ENDED;
  if (!job->cancelled)
    core->in_flight--;
  engine_complete(core, job);
  pthread_mutex_unlock(&core->lock);
}

void engine_end_job(struct engine_core *core, struct engine_job *job, CURLcode code) {
  exchange_finish(&job->exchange, code);
  poller_remove(&core->poller, job->exchange.easy, dead_connection_end(&job->exchange));
  core->streams -= engine_streams(job);
  engine_limiter_leave(job);
  engine_hand_back(core, job);
}
