/* Lock on a separate empty file, with flock(2). It ends with its process, and also excludes another
   descriptor of the same process. The file is never removed: a process that waits for its lock
   would then lock a file that others no longer see. */
#ifndef MIC_FILE_LOCK_H
#define MIC_FILE_LOCK_H

#include <sys/types.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

struct file_lock {
  int descriptor; /* -1: not held */
  pid_t process;  /* the owner: a forked child has the descriptor, but not the lock */
};

enum file_lock_result { LOCK_TAKEN, LOCK_BUSY, LOCK_NONE, LOCK_FAILED };

/* Takes a lock that is not held, without waiting. Creates the file if it is missing, and checks its
   permissions like those of the record. */
enum file_lock_result file_lock_take(struct file_lock *lock, int folder, const char *name,
                                     struct failure *failure);
/* LOCK_TAKEN if the lock is still held. Releases it if its file was removed, because then it
   protects nothing. */
enum file_lock_result file_lock_check(struct file_lock *lock, int folder, const char *name,
                                      struct failure *failure);
/* Idempotent. A child process only closes its copy. */
void file_lock_release(struct file_lock *lock);
/* In a forked child: closes the parent's descriptor without unlocking it. */
void file_lock_drop_inherited(struct file_lock *lock);

MIC_PRIVATE_END
#endif
