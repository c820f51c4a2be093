/* Limits the concurrent transfers of one client. By itself, libcurl opens a connection for each
   transfer that finds all streams of the open connections in use. The limiter admits what the open
   connections can take, and one more, which opens the next connection.

   A thousand calls at once over HTTP/2 (TLS, quick answers) cost 3 to 4 handshakes with it. Without
   it libcurl makes 256, for 3 times the processor time and the 99th percentile of the latency.
   CURLMOPT_MAX_HOST_CONNECTIONS at 10, raised to 256 by an answer over HTTP/1, makes 10, for 1.0 to
   1.2 times both; HTTP/1 with 256 calls at once costs the same. But that limit is one for all
   clients and hosts of the multi handle: after one host with HTTP/1 it is 256 handshakes again, and
   20 clients that cannot share connections (their TLS options differ) close each other's: 381
   handshakes for 400 calls instead of 20. */
#ifndef MIC_ENGINE_LIMITER_H
#define MIC_ENGINE_LIMITER_H

#include <sys/types.h>

#include "../base.h"
#include "../list.h"

MIC_PRIVATE_BEGIN

enum { LIMITER_STREAMS = 100, LIMITER_CONNECTIONS = 256 };

struct engine_core;
struct engine_job;

struct engine_limiter {
  /* Owned by the caller. */
  size_t users; /* references: the client, and its jobs */
  pid_t process;

  /* Owned by the engine. */
  struct list_link active;       /* in core->limiters, while jobs are held */
  struct list held;              /* jobs that are not yet admitted */
  size_t running, room;          /* admitted jobs, and the most of them */
  bool is_http1;                 /* one transfer per connection */
  struct engine_job *connecting; /* the job that opens the next connection */
};

/* For the caller. A new reference to the limiter at *place. Creates it if there is none or if it
   belongs to the parent process. NULL if out of memory. */
struct engine_limiter *engine_limiter_use(struct engine_limiter **place);
void engine_limiter_release(struct engine_limiter *limiter); /* NULL is allowed */

/* For the engine. True: the job is admitted and may start. False: it is held. */
bool engine_limiter_enter(struct engine_core *core, struct engine_job *job);
/* Call it when a job has ended, before the caller gets it. */
void engine_limiter_leave(struct engine_job *job);
/* A held job that may start now, admitted. NULL if there is none. */
struct engine_job *engine_limiter_next(struct engine_core *core);

MIC_PRIVATE_END
#endif
