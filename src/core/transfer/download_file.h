/* A body on its way into a file: complete or absent. It is written beside its place and renamed
   when it is whole; an older file stays as it was until then. */
#ifndef MIC_DOWNLOAD_FILE_H
#define MIC_DOWNLOAD_FILE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct download_file {
  char *path;      /* owned; NULL: no file is wanted */
  char *temporary; /* owned; NULL: not begun */
  int descriptor;  /* owned while `temporary` is set */
  int error;       /* errno of what failed; 0 = nothing did */
};

/* False when there is no memory. Touches no file. */
bool download_file_set(struct download_file *file, const char *path);
/* Makes the temporary file, so that what cannot be written is known before anything is sent. False
   on failure, with `error` set. */
bool download_file_begin(struct download_file *file);
/* False on failure, with `error` set. */
bool download_file_write(struct download_file *file, const char *bytes, size_t length);
/* Puts the file, which may be empty, in its place. False on failure, with `error` set. */
bool download_file_commit(struct download_file *file);
/* Removes what is not complete and frees everything. Idempotent. */
void download_file_clear(struct download_file *file);

MIC_PRIVATE_END
#endif
