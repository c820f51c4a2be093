/* The state that the two threads of an engine share. Each member is owned by the caller (the thread
   of the Lua state), by the engine's thread, or protected by the lock. Only the files of the engine
   include this header. */
#ifndef MIC_ENGINE_CORE_H
#define MIC_ENGINE_CORE_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/types.h>

#include "../base.h"
#include "../process/process_id.h"
#include "../transfer/exchange.h"
#include "../transfer/poller.h"
#include "../transfer/sessions.h"
#include "notify.h"

MIC_PRIVATE_BEGIN

enum engine_job_state { JOB_QUEUED, JOB_RUNNING, JOB_ENDED };

struct engine_limiter;

/* One exchange on loan to the engine. */
struct engine_job {
  struct exchange exchange; /* owned by the engine until JOB_ENDED, then by the caller */
  char *body;               /* owned copy: the caller's may be freed while libcurl still reads it */
  struct engine_core *core;

  /* Owned by the caller. */
  struct exchange *home;           /* where the content returns to; NULL: abandoned */
  struct connections *connections; /* where the handle returns to; NULL: closed */
  struct engine_job *next, *previous;
  struct engine_limiter *limiter; /* a reference; the engine owns its content */

  /* Protected by the lock. */
  enum engine_job_state state;
  bool cancelled;
  bool wants_care;                           /* in core->care */
  bool told;                                 /* in core->news */
  bool overdue;                              /* timed out, but parked */
  struct buffer piece;                       /* of a stream, on its way to the caller */
  struct exchange_progress progress;         /* on its way to the caller */
  struct engine_job *next_queued;            /* in core->queue */
  struct engine_job *next_care, *prior_care; /* in core->care */
  struct engine_job *next_news, *prior_news; /* in core->news */

  /* Owned by the engine. */
  struct engine_job *next_running, *prior_running;
  struct engine_job *next_held, *prior_held; /* in its limiter's queue, until admitted */
  bool let_in;
  struct engine_job *next_taken; /* in a list that was taken under the lock */
  bool taken_cancelled;          /* the value of `cancelled` at that time */
  bool parked;                   /* ended, but its name lookup still runs */
  double connect_by, end_by;     /* monotonic seconds */
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
  bool patient;

  /* Owned by the caller. */
  struct engine_job *jobs; /* all that are not yet returned */
  size_t count;
  size_t sweep_at;               /* the count at which to look for abandoned jobs */
  struct engine_core *next_live; /* protected by the registry's lock */

  /* Protected by the lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed; /* signals news, and the start and end of a fork */
  struct engine_job *queue, *queue_end;
  struct engine_job *care;            /* cancelled, or its piece was taken */
  struct engine_job *news, *news_end; /* completion queue: ended, or with a piece or progress */
  size_t under_way;
  bool telling;  /* this round added news; the caller is not yet woken */
  bool sleeping; /* the thread must be woken */
  bool stop;
  bool hold, still; /* asked to pause for a fork; paused */
  struct engine_notify wake;

  /* Owned by the engine. */
  struct engine_job *running;      /* includes held jobs */
  struct engine_limiter *limiters; /* those with held jobs */
  size_t listened;                 /* number of running jobs that stream or report progress */
  double next_look;                /* when the next timeout may expire */
  double idle_since;               /* when there last was a transfer in flight, or no reader */
};

/* False in a child process, which must not touch the core. */
static inline bool engine_is_ours(const struct engine_core *core) {
  return core->process == process_id();
}
/* Returns what an ended job borrowed and frees it. The job is not in the completion queue. */
void engine_give_back(struct engine_core *core, struct engine_job *job);
/* The thread's main function. Returns NULL once core->stop is set, with no running job and no multi
   handle left. */
void *engine_run(void *context);
/* Stops the thread and joins it. Every job has ended then. */
void engine_stop(struct engine_core *core);

MIC_PRIVATE_END
#endif
