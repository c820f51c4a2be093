/* Wakes an event loop from the engine's thread: one byte on a socket, at most one until it is
   drained. */
#ifndef MIC_ENGINE_NOTIFY_H
#define MIC_ENGINE_NOTIFY_H

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

struct engine_notify {
  int inner, outer;       /* a socket pair; the loop watches the outer end */
  int listener;           /* accepts a connection that replaces the pair; or -1 */
  int reader;             /* our end of that connection; or -1 */
  char folder[80], *path; /* of the listener, while its file exists */
  bool sent;              /* a byte is pending */
};

/* Sets all descriptors to -1, so that engine_notify_close is safe. */
void engine_notify_init(struct engine_notify *notify);
bool engine_notify_open(struct engine_notify *notify);
void engine_notify_close(struct engine_notify *notify);
/* Under the lock: where to send a byte, or -1 if one is pending. */
int engine_notify_target(struct engine_notify *notify);
/* Sends the byte. Call it without the lock, from the thread that alone closes a reader. False if
   the reader is gone: engine_notify_fall_back, under the lock, returns where to send instead. */
bool engine_notify_send(int target);
int engine_notify_fall_back(struct engine_notify *notify);
/* Drains the pair. */
void engine_notify_drain(struct engine_notify *notify);
/* Creates the listener and writes its path. */
bool engine_notify_listen(struct engine_notify *notify, char *path, size_t size,
                          struct failure *failure);
/* Accepts the pending connection if it is from this process, and removes the file. */
bool engine_notify_accept(struct engine_notify *notify);
/* Tells the reader to expect nothing more, and closes it. */
void engine_notify_close_reader(struct engine_notify *notify);

MIC_PRIVATE_END
#endif
