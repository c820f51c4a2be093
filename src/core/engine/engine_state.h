/* What the two threads of an engine share. Each member says whose it is: the caller's (the thread
   of the Lua state), the engine's, or that of whoever holds the lock. Included by the files of the
   engine alone. */
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

/* One exchange on loan. */
struct engine_job {
  struct exchange exchange; /* the engine's from queueing until JOB_ENDED, then the caller's */
  char *body;               /* owned copy: the caller's may go while libcurl still reads it */
  struct engine_core *core;

  /* The caller's. */
  struct exchange *home;           /* where the content goes back to; NULL: nobody wants it */
  struct connections *connections; /* where the handle goes back to; NULL: they were closed */
  struct engine_job *next, *previous;
  struct engine_limiter *limiter; /* a reference; what is in it is the engine's */

  /* Under the lock. */
  enum engine_job_state state;
  bool cancelled;
  bool wants_care;                           /* in core->care */
  bool told;                                 /* in core->news */
  bool overdue;                              /* its time is over, but it is parked */
  struct buffer piece;                       /* of the stream, on its way to the caller */
  struct exchange_progress progress;         /* likewise */
  struct engine_job *next_queued;            /* in core->queue */
  struct engine_job *next_care, *prior_care; /* in core->care */
  struct engine_job *next_news, *prior_news; /* in core->news */

  /* The engine's. */
  struct engine_job *next_running, *prior_running;
  struct engine_job *next_held, *prior_held; /* by its limiter, until it is let in */
  bool let_in;
  struct engine_job *next_taken; /* of a list that was taken out of the lock */
  bool taken_cancelled;          /* what `cancelled` was then */
  bool parked;                   /* over, but still looking up its name */
  double connect_by, end_by;     /* on the monotonic clock */
};

struct engine_core {
  pid_t process;
  pthread_t thread;
  bool joined;              /* the caller's, and the exit handler's */
  struct poller poller;     /* the engine's, but for poller_wake */
  struct sessions sessions; /* the caller's; what handles do with them, both threads' */
  pthread_mutex_t sessions_lock;
  /* Before 7.87 libcurl waits for a name lookup when its handle is taken away, and every transfer
     of the multi with it: a cancelled one is parked until its lookup has ended, and the limits are
     kept here. */
  bool patient;

  /* The caller's. */
  struct engine_job *jobs; /* all that were not given back */
  size_t count;
  size_t sweep_at;               /* the count at which unwanted ones are looked for */
  struct engine_core *next_live; /* under the lock of all engines */

  /* Under the lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed; /* something was told, or a fork begins or is over */
  struct engine_job *queue, *queue_end;
  struct engine_job *care;            /* cancelled, or its piece was taken */
  struct engine_job *news, *news_end; /* ended, or with something to hand over */
  size_t under_way;
  bool telling;  /* what was told in this round is not known to the caller yet */
  bool sleeping; /* the thread has to be woken */
  bool stop;
  bool hold, still; /* it shall stand still for a fork; it does */
  struct engine_notify wake;

  /* The engine's. */
  struct engine_job *running;      /* those that are held, too */
  struct engine_limiter *limiters; /* that hold any */
  size_t listened;                 /* running ones whose pieces or progress somebody wants */
  double next_look;                /* when a limit may be passed */
  double idle_since;               /* when there was something under way last, or no reader */
};

/* False in a child process: nothing of it may be touched then. */
static inline bool engine_is_ours(const struct engine_core *core) {
  return core->process == process_id();
}
/* An ended job, out of the news, gives back what it borrowed, and is no more. */
void engine_give_back(struct engine_core *core, struct engine_job *job);
/* The thread; returns NULL when core->stop is set, with nothing running and no multi left. */
void *engine_run(void *context);
/* Ends the thread and waits for it: every job has ended then. */
void engine_stop(struct engine_core *core);

MIC_PRIVATE_END
#endif
