/* Runs transfers on a background thread (one multi handle), so that the Lua thread never blocks.
   The background thread never sees Lua. Call all functions here from the thread of the Lua state.
   engine_state.h declares what the two threads share. */
#ifndef MIC_ENGINE_H
#define MIC_ENGINE_H

#include "../base.h"
#include "../transfer/connections.h"
#include "../transfer/exchange.h"

MIC_PRIVATE_BEGIN

enum { ENGINE_LIMIT = 4096 };

struct engine_core;

struct engine {
  struct engine_core *core; /* owned; created at first use, not touched in a child process */
  size_t limit;             /* the most exchanges in flight */
  bool awaits_lookups;      /* as with a libcurl that cannot abandon one: see engine_state.h */
  bool closed;
  uint64_t collects; /* starts at 1; incremented by the binding */
};

/* NULL if this libcurl can run an engine, else what is wrong and how to fix it. */
const char *engine_problem(void);

/* Starts the thread unless it runs. A child process gets a thread of its own. */
bool engine_ensure(struct engine *engine, struct failure *failure);
/* Starts the exchange. Its content moves to the engine, and `exchange` stays RUNNING without it
   until the transfer ends. If it cannot start, the exchange is DONE with its failure. */
void engine_start(struct engine *engine, struct connections *connections,
                  struct exchange *exchange);
/* Moves what the engine has for this exchange to it: a piece, progress, or the result. */
void engine_sync(struct exchange *exchange);
/* Ends a running exchange at once. The engine releases the content later. */
void engine_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);
/* The engine no longer accesses this exchange, so that its memory can be freed. */
void engine_detach(struct exchange *exchange);
/* Ends all exchanges of these connections with FAILURE_CLOSED. */
void engine_cancel_all(struct engine *engine, struct connections *connections);
/* Blocks the calling thread, as connections_drive does. */
void engine_wait(struct engine *engine, struct connections *connections,
                 const struct exchange *exchange, double seconds,
                 bool (*interrupted)(void *context), void *context);
/* Drains the notification. Call engine_next afterwards, until it returns NULL. */
void engine_drain(struct engine *engine);
/* The next exchange that ended or has a piece or progress, synced. NULL if there is none. */
struct exchange *engine_next(struct engine *engine);
size_t engine_in_flight(const struct engine *engine);

/* A descriptor that is readable while engine_next has something. -1 on failure. */
int engine_descriptor(struct engine *engine, struct failure *failure);
/* Creates a Unix socket at a path. It accepts one connection from this process, which then gets
   the notifications. False on failure. The file is removed once connected. */
bool engine_listen(struct engine *engine, char *path, size_t size, struct failure *failure);

/* Ends everything with FAILURE_CLOSED and joins the thread. Idempotent. */
void engine_close(struct engine *engine);

MIC_PRIVATE_END
#endif
