#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../process/process_id.h"
#include "file_lock.h"
#include "private_folder.h"

enum { TRIES = 8 };

/* LOCK_TAKEN if the descriptor still is the file at this name, which others would lock. LOCK_NONE
   if not. */
static enum file_lock_result compare(int descriptor, int folder, const char *name,
                                     struct failure *failure) {
  struct stat held, present;
  int error = fstat(descriptor, &held) == 0 ? 0 : errno;
  if (error == 0 && fstatat(folder, name, &present, AT_SYMLINK_NOFOLLOW) != 0) {
    error = errno;
    if (error == ENOENT)
      return LOCK_NONE;
  }
  if (error == 0)
    return held.st_dev == present.st_dev && held.st_ino == present.st_ino ? LOCK_TAKEN : LOCK_NONE;
  private_failure(failure, error);
  return LOCK_FAILED;
}

/* -1 without a failure: another process created it first. */
static int open_or_make(int folder, const char *name, struct failure *failure) {
  struct stat facts;
  int descriptor = private_file_open(folder, name, O_RDWR, &facts, failure);
  if (descriptor >= 0 || failure->kind != FAILURE_NONE)
    return descriptor;
  return private_file_make(folder, name, O_RDWR, failure);
}

static int try_flock(int descriptor) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR)
      return errno;
  }
  return 0;
}

/* Locks the file. LOCK_NONE if it was removed or replaced meanwhile. */
static enum file_lock_result lock_opened(int descriptor, int folder, const char *name,
                                         struct failure *failure) {
  int error = try_flock(descriptor);
  if (error == 0)
    return compare(descriptor, folder, name, failure);
  if (error == EWOULDBLOCK)
    return LOCK_BUSY;
  private_failure(failure, error);
  return LOCK_FAILED;
}

enum file_lock_result file_lock_take(struct file_lock *lock, int folder, const char *name,
                                     struct failure *failure) {
  for (int i = 0; i < TRIES; i++) {
    int descriptor = open_or_make(folder, name, failure);
    if (descriptor < 0 && failure->kind != FAILURE_NONE)
      return LOCK_FAILED;
    if (descriptor < 0)
      continue;
    enum file_lock_result result = lock_opened(descriptor, folder, name, failure);
    if (result == LOCK_TAKEN) {
      lock->descriptor = descriptor;
      lock->process = process_id();
      return LOCK_TAKEN;
    }
    close(descriptor);
    if (result != LOCK_NONE)
      return result;
  }
  return LOCK_BUSY;
}

enum file_lock_result file_lock_check(struct file_lock *lock, int folder, const char *name,
                                      struct failure *failure) {
  if (lock->descriptor < 0)
    return LOCK_NONE;
  enum file_lock_result result = compare(lock->descriptor, folder, name, failure);
  if (result == LOCK_NONE)
    file_lock_release(lock);
  return result;
}

void file_lock_drop_inherited(struct file_lock *lock) {
  if (lock->descriptor < 0 || lock->process == process_id())
    return;
  close(lock->descriptor);
  lock->descriptor = -1;
}

void file_lock_release(struct file_lock *lock) {
  file_lock_drop_inherited(lock);
  if (lock->descriptor < 0)
    return;
  flock(lock->descriptor, LOCK_UN); /* close() alone keeps the lock while a forked child has the
                                       descriptor */
  close(lock->descriptor);
  lock->descriptor = -1;
}
