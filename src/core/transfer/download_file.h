/* Download to a file: complete or absent. The body is written to a temporary file beside it and
   renamed when complete. An older file stays until then. */
#ifndef MIC_DOWNLOAD_FILE_H
#define MIC_DOWNLOAD_FILE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct download_file {
  char *path;      /* owned; NULL: no download */
  char *temporary; /* owned; NULL: not created */
  int descriptor;  /* owned while `temporary` is set */
  int error;       /* errno of the failure; 0: none */
};

/* Only stores the path. False if out of memory. */
bool download_file_set(struct download_file *file, const char *path);
/* Creates the temporary file, so that an unwritable path fails before the request is sent. False on
   failure, with `error` set. */
bool download_file_begin(struct download_file *file);
/* False on failure, with `error` set. */
bool download_file_write(struct download_file *file, const char *bytes, size_t length);
/* Renames the temporary file, which may be empty, into its place. False on failure, with `error`
   set. */
bool download_file_commit(struct download_file *file);
/* Removes an incomplete file and frees everything. Idempotent. */
void download_file_clear(struct download_file *file);

MIC_PRIVATE_END
#endif
