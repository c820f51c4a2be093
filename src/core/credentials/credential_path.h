/* The names of a store's files, from its path and a key:

     PATH.KEY          the record
     PATH.KEY~lock     empty: the lock
     PATH.KEY~new      a record that is being written
     PATH.KEY~damaged  the last content that was no record

   In KEY all but a-z 0-9 . _ - @ are percent-encoded, so that no two keys meet. */
#ifndef MIC_CREDENTIAL_PATH_H
#define MIC_CREDENTIAL_PATH_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum credential_part { PART_PATH, PART_RECORD, PART_LOCK, PART_NEW, PART_DAMAGED, PARTS };

struct credential_path {
  char *folder;       /* owned; absolute */
  char *advice;       /* owned; NULL until there is one */
  char *whole[PARTS]; /* owned */
  size_t name;        /* where the file's name begins in each of them */
};

/* `path` is absolute. False when there is no memory. */
bool credential_path_set(struct credential_path *path, const char *absolute, const char *key,
                         size_t key_length);
const char *credential_path_name(const struct credential_path *path, enum credential_part part);
/* `path = "FOLDER/BELOW/NAME"`: how a store in a folder below is written. NULL when there is no
   memory. */
const char *credential_path_advise(struct credential_path *path, const char *below);
void credential_path_clear(struct credential_path *path); /* idempotent */

MIC_PRIVATE_END
#endif
