/* How many calls of one client run at once. Left alone, libcurl opens a connection for each call
   that finds all streams of the ones that are up in use: a thousand calls at once would cost
   hundreds of TLS handshakes. So a lane lets in what the connections that are up can take, and one
   more, which opens the next connection, and so on. */
#ifndef MIC_ENGINE_LANE_H
#define MIC_ENGINE_LANE_H

#include <sys/types.h>

#include "base.h"

MIC_PRIVATE_BEGIN

enum { LANE_STREAMS = 100, LANE_CONNECTIONS = 256 };

struct engine_core;
struct engine_job;

struct engine_lane {
  /* The caller's. */
  size_t users; /* the client, and its jobs */
  pid_t process;

  /* The engine's. */
  size_t running, room;
  bool single;                /* a connection takes one call at a time: HTTP/1 */
  struct engine_job *pioneer; /* opens the next connection */
  struct engine_job *held, *held_end;
  struct engine_lane *next, *previous; /* in core->lanes, while it holds any */
};

/* The caller's: a new reference to the lane at *place, made where there is none or it is the parent
   process's; NULL when there is no memory. */
struct engine_lane *engine_lane_use(struct engine_lane **place);
void engine_lane_release(struct engine_lane *lane); /* NULL is fine */

/* The engine's. True: the job may begin; false: it is held. */
bool engine_lane_enter(struct engine_core *core, struct engine_job *job);
/* The job has ended; before it is given up. */
void engine_lane_leave(struct engine_core *core, struct engine_job *job);
/* A held job that may begin now; NULL when there is none. */
struct engine_job *engine_lane_next(struct engine_core *core);

MIC_PRIVATE_END
#endif
