/* Limits the concurrent transfers of one client. By itself, libcurl opens a connection for each
   transfer that finds all streams of the open connections in use: a thousand calls at once would
   cost hundreds of TLS handshakes. The limiter admits what the open connections can take, and one
   more, which opens the next connection. */
#ifndef MIC_ENGINE_LIMITER_H
#define MIC_ENGINE_LIMITER_H

#include <sys/types.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

enum { LIMITER_STREAMS = 100, LIMITER_CONNECTIONS = 256 };

struct engine_core;
struct engine_job;

struct engine_limiter {
  /* Owned by the caller. */
  size_t users; /* references: the client, and its jobs */
  pid_t process;

  /* Owned by the engine. */
  size_t running, room;
  bool single;                /* HTTP/1: one transfer per connection */
  struct engine_job *pioneer; /* the job that opens the next connection */
  struct engine_job *held, *held_end;
  struct engine_limiter *next, *previous; /* in core->limiters, while jobs are held */
};

/* For the caller. A new reference to the limiter at *place. Creates it if there is none or if it
   belongs to the parent process. NULL if out of memory. */
struct engine_limiter *engine_limiter_use(struct engine_limiter **place);
void engine_limiter_release(struct engine_limiter *limiter); /* NULL is allowed */

/* For the engine. True: the job may start. False: it is held. */
bool engine_limiter_enter(struct engine_core *core, struct engine_job *job);
/* Call it when a job has ended, before it is handed back. */
void engine_limiter_leave(struct engine_core *core, struct engine_job *job);
/* A held job that may start now, admitted. NULL if there is none. */
struct engine_job *engine_limiter_next(struct engine_core *core);

MIC_PRIVATE_END
#endif
