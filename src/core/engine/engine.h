/* Exchanges that nobody waits for in a thread: one thread of its own runs one multi handle and
   tells what has ended. It never sees Lua. All functions here are for the thread of the Lua state;
   what the two threads share is in engine_core.h. */
#ifndef MIC_ENGINE_H
#define MIC_ENGINE_H

#include "../base.h"
#include "../transfer/connections.h"
#include "../transfer/exchange.h"

MIC_PRIVATE_BEGIN

enum { ENGINE_LIMIT = 4096 };

struct engine_core;

struct engine {
  struct engine_core *core; /* owned; made at first use, left alone in a child process */
  size_t limit;             /* exchanges under way at most */
  bool patient; /* as with a libcurl that cannot let go of a name lookup: see engine_core.h */
  bool closed;
  uint64_t collects; /* counted from 1 by the binding */
};

/* NULL when this libcurl can serve an engine, else what is wrong and the mend. */
const char *engine_problem(void);

/* Starts the thread unless it runs; anew in a child process. */
bool engine_ensure(struct engine *engine, struct failure *failure);
/* Borrows the exchange: its content moves to the engine until it has ended, and `exchange` stands
   for it meanwhile, RUNNING. What cannot begin is DONE with its failure. */
void engine_start(struct engine *engine, struct connections *connections,
                  struct exchange *exchange);
/* Brings what the engine has for this exchange: a piece, progress, or its end. */
void engine_sync(struct exchange *exchange);
/* Ends a running exchange at once; the engine lets go of its content when it can. */
void engine_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);
/* The engine shall not come back to this place in memory. */
void engine_forget(struct exchange *exchange);
/* Ends with FAILURE_CLOSED what runs for these connections. */
void engine_drop(struct engine *engine, struct connections *connections);
/* Waits in this thread, as connections_drive does. */
void engine_wait(struct engine *engine, struct connections *connections,
                 const struct exchange *exchange, double seconds,
                 bool (*interrupted)(void *context), void *context);
/* Takes the wake byte back; to be followed by engine_next until that returns NULL. */
void engine_hush(struct engine *engine);
/* The next exchange that ended or has something to hand over, synced; NULL when there is none. */
struct exchange *engine_next(struct engine *engine);
size_t engine_in_flight(const struct engine *engine);

/* A descriptor that is readable while engine_next has something; -1 with the failure. */
int engine_descriptor(struct engine *engine, struct failure *failure);
/* A socket in the file system that takes one connection, of this process, and carries the wake
   bytes instead; false with the failure. The file is gone once it was used. */
bool engine_listen(struct engine *engine, char *path, size_t size, struct failure *failure);

/* Ends everything with FAILURE_CLOSED and joins the thread. Idempotent. */
void engine_close(struct engine *engine);

MIC_PRIVATE_END
#endif
