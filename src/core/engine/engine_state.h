/* The state that the two threads of an engine share. Each member is owned by the caller (the thread
   of the Lua state), by the engine's thread, or protected by the lock. Only the files of the engine
   include this header. */
#ifndef MIC_ENGINE_STATE_H
#define MIC_ENGINE_STATE_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/types.h>

#include "../base.h"
#include "../list.h"
#include "../process/process_id.h"
#include "../transfer/exchange.h"
#include "../transfer/poller.h"
#include "../transfer/sessions.h"
#include "notify.h"

MIC_PRIVATE_BEGIN

enum engine_job_state { JOB_QUEUED, JOB_RUNNING, JOB_ENDED };

struct engine_limiter;

/* One exchange in the engine. */
struct engine_job {
  struct exchange exchange; /* first; owned by the engine until JOB_ENDED, then by the caller */
  char *body;               /* owned copy: the caller's may be freed while libcurl still reads it */
  struct engine_core *core;

  /* Owned by the caller. */
  struct list_link all;            /* in core->jobs */
  struct exchange *home;           /* where the content returns to; NULL: abandoned */
  struct connections *connections; /* where the handle returns to; NULL: closed */
  struct engine_limiter *limiter;  /* a reference; the engine owns its content */

  /* Protected by the lock. */
  struct list_link queued; /* in core->requests or core->completions */
  enum engine_job_state state;
  bool cancelled;
  bool overdue;                      /* timed out, but parked */
  struct buffer piece;               /* of a stream, on its way to the caller */
  struct exchange_progress progress; /* on its way to the caller */

  /* Owned by the engine, while JOB_RUNNING. */
  struct list_link active;   /* in core->running, or held by its limiter */
  bool admitted;             /* by its limiter */
  bool parked;               /* ended, but its name lookup still runs */
  double connect_by, end_by; /* monotonic seconds */
};

struct engine_core {
  pid_t process;
  pthread_t thread;
  bool joined;              /* owned by the caller and the exit handler */
  struct poller poller;     /* owned by the engine, except poller_wake */
  struct sessions sessions; /* owned by the caller; both threads' handles use them */
  pthread_mutex_t sessions_lock;
  /* Before 7.87, removing a handle from a multi blocks until its name lookup ends, and with it
     every other transfer. So a cancelled transfer is parked until its lookup ends, and the engine
     enforces the timeouts itself. */
  bool awaits_lookups;
  struct list_link engines; /* in the list of all engines, protected by the lock of that */

  /* Owned by the caller. */
  struct list jobs; /* all that are not yet returned */
  size_t sweep_at;  /* the count of jobs at which to look for abandoned ones */

  /* Protected by the lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed;  /* signals completions, and the start and end of a fork */
  struct list requests;    /* jobs to start, to cancel, or to resume since their piece was taken */
  struct list completions; /* jobs that ended, or have a piece or progress */
  size_t in_flight;
  bool has_completed; /* this round added completions; the caller is not yet woken */
  bool sleeping;      /* the thread must be woken */
  bool stop;
  bool pause, paused; /* asked to pause for a fork; has paused */
  struct engine_notify notify;

  /* Owned by the engine. */
  struct list running;  /* admitted jobs */
  struct list limiters; /* those that hold jobs */
  size_t streams;       /* number of active jobs that stream or report progress */
  double next_timeout;  /* when the next time limit may expire */
  double idle_since;    /* when there last was a transfer in flight, or no reader */
};

/* True if the job streams its body or reports progress. */
static inline bool engine_streams(const struct engine_job *job) {
  return job->exchange.stream || job->exchange.progress.wanted;
}

/* False in a child process, which must not touch the core. */
static inline bool engine_is_ours(const struct engine_core *core) {
  return core->process == process_id();
}

/* ---- lifecycle.c ---- */

/* Starts the thread too. NULL on failure. */
struct engine_core *engine_make(bool awaits_lookups);
/* Stops the thread and joins it. Every job has ended then. */
void engine_stop(struct engine_core *core);
/* Call it after engine_stop, with no job left. */
void engine_free(struct engine_core *core);

/* ---- thread.c ---- */

/* The thread's main function. Returns NULL once core->stop is set, with no running job and no multi
   handle left. */
void *engine_run(void *context);

/* ---- completion.c, for the engine's thread ---- */

/* Reads the outcome of a running job and ends it. */
void engine_end_job(struct engine_core *core, struct engine_job *job, CURLcode code);
/* The caller owns the job afterwards. */
void engine_hand_back(struct engine_core *core, struct engine_job *job);

/* Under the lock: adds a job to the completion queue, if it is not in it. */
static inline void engine_complete(struct engine_core *core, struct engine_job *job) {
  if (job->queued.list != &core->completions)
    list_append(&core->completions, &job->queued);
  core->has_completed = true;
}

/* ---- timeouts.c, for the engine's thread ---- */

/* Starts the timers of a job. */
void engine_timeouts_set(struct engine_core *core, struct engine_job *job);
/* Ends a running job that is cancelled, or parks it until its name lookup ends. */
void engine_timeouts_cancel(struct engine_core *core, struct engine_job *job);
/* Ends the jobs that timed out and sets core->next_timeout. */
void engine_timeouts_check(struct engine_core *core);

MIC_PRIVATE_END
#endif
