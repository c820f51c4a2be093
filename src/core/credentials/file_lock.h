/* A lock on an empty file of its own, by flock(2): it ends with its process, and excludes a second
   descriptor of the same process too. The file is never removed: whoever waits for it would lock
   what nobody else sees. */
#ifndef MIC_FILE_LOCK_H
#define MIC_FILE_LOCK_H

#include <sys/types.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

struct file_lock {
  int descriptor; /* -1 = not held */
  pid_t process;  /* which took it: a forked child has the descriptor too, but not the lock */
};

enum file_lock_result { LOCK_TAKEN, LOCK_BUSY, LOCK_NONE, LOCK_FAILED };

/* Takes a lock that is not held; never waits. The file is made when it is missing, and checked as
   strictly as what it guards. */
enum file_lock_result file_lock_take(struct file_lock *lock, int folder, const char *name,
                                     struct failure *failure);
/* Whether it is still held: one whose file was removed guards nothing, and is released. */
enum file_lock_result file_lock_check(struct file_lock *lock, int folder, const char *name,
                                      struct failure *failure);
void file_lock_release(struct file_lock *lock); /* idempotent; a child's copy is only closed */
/* In a child of fork: lets go of the parent's lock and leaves it to the parent. */
void file_lock_drop_inherited(struct file_lock *lock);

MIC_PRIVATE_END
#endif
