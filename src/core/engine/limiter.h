/* How many calls of one client run at once. Left alone, libcurl opens a connection for each call
   that finds all streams of the ones that are up in use: a thousand calls at once would cost
   hundreds of TLS handshakes. So a limiter lets in what the connections that are up can take, and
   one more, which opens the next connection, and so on. */
#ifndef MIC_ENGINE_LIMITER_H
#define MIC_ENGINE_LIMITER_H

#include <sys/types.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

enum { LIMITER_STREAMS = 100, LIMITER_CONNECTIONS = 256 };

struct engine_core;
struct engine_job;

struct engine_limiter {
  /* The caller's. */
  size_t users; /* the client, and its jobs */
  pid_t process;

  /* The engine's. */
  size_t running, room;
  bool single;                /* a connection takes one call at a time: HTTP/1 */
  struct engine_job *pioneer; /* opens the next connection */
  struct engine_job *held, *held_end;
  struct engine_limiter *next, *previous; /* in core->limiters, while it holds any */
};

/* The caller's: a new reference to the limiter at *place, made where there is none or it is the
   parent process's; NULL when there is no memory. */
struct engine_limiter *engine_limiter_use(struct engine_limiter **place);
void engine_limiter_release(struct engine_limiter *limiter); /* NULL is fine */

/* The engine's. True: the job may begin; false: it is held. */
bool engine_limiter_enter(struct engine_core *core, struct engine_job *job);
/* The job has ended; before it is given up. */
void engine_limiter_leave(struct engine_core *core, struct engine_job *job);
/* A held job that may begin now; NULL when there is none. */
struct engine_job *engine_limiter_next(struct engine_core *core);

MIC_PRIVATE_END
#endif
