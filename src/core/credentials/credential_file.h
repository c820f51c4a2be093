/* A record in a file, whole and private whatever happens: written beside its place, made durable,
   renamed. Who saves holds the lock. */
#ifndef MIC_CREDENTIAL_FILE_H
#define MIC_CREDENTIAL_FILE_H

#include "../base.h"
#include "../text/failure.h"
#include "credential_path.h"
#include "file_lock.h"
#include "record.h"

MIC_PRIVATE_BEGIN

struct credential_file {
  struct credential_path path;
  struct file_lock lock;
  struct failure failure; /* why the last call failed */
  const char *blamed;     /* borrowed from `path`: what that is about */
};

enum credential_load { LOAD_RECORD, LOAD_NONE, LOAD_DAMAGED, LOAD_FAILED };

/* `path` is absolute. False when there is no memory. Touches no file. */
bool credential_file_set(struct credential_file *file, const char *path, const char *key,
                         size_t key_length);
/* Takes the lock; never waits. Busy also when this object has it. */
enum file_lock_result credential_file_lock(struct credential_file *file);
/* Damaged content is set aside and counts as none; `failure` says so. */
enum credential_load credential_file_load(struct credential_file *file, struct record *record);
/* NULL clears. Takes the lock meanwhile when this object has not got it. After a failure the old
   record is as it was; only when the folder's own fsync failed the new one may be there. */
bool credential_file_save(struct credential_file *file, const struct record *record);
void credential_file_clear(struct credential_file *file); /* idempotent; gives the lock back */

MIC_PRIVATE_END
#endif
