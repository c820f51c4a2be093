/* Credential file: a record in a private file, replaced atomically (write to a temporary file,
   fsync, rename). Saving requires the lock. */
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
  const char *blamed;     /* borrowed from `path`: the file that `failure` is about */
};

enum credential_load { LOAD_RECORD, LOAD_NONE, LOAD_DAMAGED, LOAD_FAILED };

/* `path` must be absolute. False if out of memory. Touches no file. */
bool credential_file_set(struct credential_file *file, const char *path, const char *key,
                         size_t key_length);
/* Takes the lock without waiting. LOCK_BUSY also if this object holds it. */
enum file_lock_result credential_file_lock(struct credential_file *file);
/* Moves damaged content aside and returns LOAD_DAMAGED, with the reason in `failure`. */
enum credential_load credential_file_load(struct credential_file *file, struct record *record);
/* NULL removes the record. Takes the lock for the time of the call unless this object holds it.
   After a failure the old record is unchanged, except if the folder's fsync failed: then the new
   one may be there. */
bool credential_file_save(struct credential_file *file, const struct record *record);
void credential_file_clear(struct credential_file *file); /* idempotent; releases the lock */

MIC_PRIVATE_END
#endif
