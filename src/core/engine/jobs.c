#include "../base.h"

#include "../transfer/dead_connection.h"
#include "jobs.h"
#include "limiter.h"

/* ---- completion queue; under the lock ---- */

void engine_tell(struct engine_core *core, struct engine_job *job) {
  if (!job->told) {
    job->told = true;
    job->next_news = NULL;
    job->prior_news = core->news_end;
    if (core->news_end != NULL)
      core->news_end->next_news = job;
    else
      core->news = job;
    core->news_end = job;
  }
  core->telling = true;
}

void engine_untell(struct engine_core *core, struct engine_job *job) {
  if (!job->told)
    return;
  job->told = false;
  if (job->prior_news != NULL)
    job->prior_news->next_news = job->next_news;
  else
    core->news = job->next_news;
  if (job->next_news != NULL)
    job->next_news->prior_news = job->prior_news;
  else
    core->news_end = job->prior_news;
}

/* ---- running jobs ---- */

bool engine_is_listened(const struct engine_job *job) {
  return job->exchange.stream || job->exchange.progress.wanted;
}

void engine_link_running(struct engine_core *core, struct engine_job *job) {
  job->prior_running = NULL;
  job->next_running = core->running;
  if (job->next_running != NULL)
    job->next_running->prior_running = job;
  core->running = job;
  if (engine_is_listened(job))
    core->listened++;
}

static void unlink_running(struct engine_core *core, struct engine_job *job) {
  if (job->prior_running != NULL)
    job->prior_running->next_running = job->next_running;
  else
    core->running = job->next_running;
  if (job->next_running != NULL)
    job->next_running->prior_running = job->prior_running;
  if (engine_is_listened(job))
    core->listened--;
}

/* Under the lock. The job ended before the thread handled its request for care. */
static void need_no_care(struct engine_core *core, struct engine_job *job) {
  if (!job->wants_care)
    return;
  job->wants_care = false;
  if (job->prior_care != NULL)
    job->prior_care->next_care = job->next_care;
  else
    core->care = job->next_care;
  if (job->next_care != NULL)
    job->next_care->prior_care = job->prior_care;
}

void engine_hand_back(struct engine_core *core, struct engine_job *job) {
  pthread_mutex_lock(&core->lock);
  need_no_care(core, job);
  job->state = JOB_ENDED;
  if (!job->cancelled)
    core->under_way--;
  engine_tell(core, job);
  pthread_mutex_unlock(&core->lock);
}

void engine_end_job(struct engine_core *core, struct engine_job *job, CURLcode code) {
  exchange_finish(&job->exchange, code);
  poller_remove(&core->poller, job->exchange.easy, dead_connection_end(&job->exchange));
  unlink_running(core, job);
  engine_limiter_leave(core, job);
  engine_hand_back(core, job);
}
