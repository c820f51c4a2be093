/* File names of a store, made of its path and a key:
     PATH.KEY          the record
     PATH.KEY~lock     the lock; empty
     PATH.KEY~new      a record being written
     PATH.KEY~damaged  the last content that was not a record
   All bytes of KEY but a-z 0-9 . _ - @ are percent-encoded, so that every key has its own name. */
#ifndef MIC_CREDENTIAL_PATH_H
#define MIC_CREDENTIAL_PATH_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum credential_part { PART_PATH, PART_RECORD, PART_LOCK, PART_NEW, PART_DAMAGED, PARTS };

struct credential_path {
  char *folder;       /* owned; absolute */
  char *advice;       /* owned; NULL if none */
  char *whole[PARTS]; /* owned */
  size_t name;        /* offset of the file's name in each path */
};

/* `absolute` is an absolute path. False if out of memory. */
bool credential_path_set(struct credential_path *path, const char *absolute, const char *key,
                         size_t key_length);
const char *credential_path_name(const struct credential_path *path, enum credential_part part);
/* Returns `path = "FOLDER/BELOW/NAME"`: the option that puts the store into a folder below. NULL if
   out of memory. */
const char *credential_path_advise(struct credential_path *path, const char *below);
void credential_path_clear(struct credential_path *path); /* idempotent */

MIC_PRIVATE_END
#endif
