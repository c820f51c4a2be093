/* Upload from a file: a request body that is read while it is sent. */
#ifndef MIC_UPLOAD_FILE_H
#define MIC_UPLOAD_FILE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

struct upload_file {
  int descriptor; /* owned; -1: none */
  int64_t size;   /* bytes; -1: unknown */
  int error;      /* errno of the failure; 0: none */
};

/* False on failure, with `error` set. */
bool upload_file_open(struct upload_file *file, const char *path);
/* Reads up to `room` bytes. 0 at the end; -1 on failure, with `error` set. */
ptrdiff_t upload_file_read(struct upload_file *file, char *bytes, size_t room);
/* Seeks, so that the body can be sent again. False on failure. */
bool upload_file_seek(struct upload_file *file, int64_t offset);
void upload_file_clear(struct upload_file *file); /* idempotent */

MIC_PRIVATE_END
#endif
