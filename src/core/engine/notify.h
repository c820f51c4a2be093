/* How the engine's thread wakes an event loop: one byte on a socket, no more until it was taken. */
#ifndef MIC_ENGINE_WAKE_H
#define MIC_ENGINE_WAKE_H

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

struct engine_notify {
  int inner, outer;       /* a pair; the loop watches the outer end */
  int listener;           /* waits for the connection that is used instead; -1: none does */
  int reader;             /* that connection's end here; -1 */
  char folder[80], *path; /* of the listener, while its file is there */
  bool sent;              /* a byte is on its way */
};

/* All descriptors -1, so that engine_notify_close may follow. */
void engine_notify_init(struct engine_notify *wake);
bool engine_notify_open(struct engine_notify *wake);
void engine_notify_close(struct engine_notify *wake);
/* Where a byte has to go, under the lock; -1 when one is on its way. */
int engine_notify_target(struct engine_notify *wake);
/* Sends it there, out of the lock, by the thread that alone closes a reader. False: nobody reads
   there any more, and engine_notify_elsewhere tells, under the lock, where it goes instead. */
bool engine_notify_send(int target);
int engine_notify_elsewhere(struct engine_notify *wake);
/* Takes back what stands in the pair. */
void engine_notify_take(struct engine_notify *wake);
/* Makes the listener and writes its path. */
bool engine_notify_listen(struct engine_notify *wake, char *path, size_t size,
                          struct failure *failure);
/* Takes the connection that came, if it is of this process, and removes the file. */
bool engine_notify_accept(struct engine_notify *wake);
/* Tells the reader that nothing is to be expected, and lets it go. */
void engine_notify_dismiss(struct engine_notify *wake);

MIC_PRIVATE_END
#endif
