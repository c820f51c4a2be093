#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "upload_file.h"

bool upload_file_open(struct upload_file *file, const char *path) {
  struct stat facts;
  file->size = -1;
  file->error = 0;
  /* Nonblocking: opening a FIFO without a writer would block the program. */
  file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0) {
    file->error = errno;
    return false;
  }
  if (!S_ISREG(facts.st_mode)) {
    file->error = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    return false;
  }
  file->size = facts.st_size;
  return true;
}

/* Bytes to read, at most `room` and at most what Content-Length announced. */
static size_t left_to_send(const struct upload_file *file, size_t room) {
  off_t at = file->size < 0 ? -1 : lseek(file->descriptor, 0, SEEK_CUR);
  if (at < 0)
    return room;
  int64_t left = file->size - (int64_t)at;
  return left <= 0 ? 0 : (uint64_t)left < room ? (size_t)left : room;
}

ptrdiff_t upload_file_read(struct upload_file *file, char *bytes, size_t room) {
  size_t wanted = left_to_send(file, room);
  if (wanted == 0)
    return 0;
  ssize_t got = read(file->descriptor, bytes, wanted);
  while (got < 0 && errno == EINTR)
    got = read(file->descriptor, bytes, wanted);
  if (got < 0)
    file->error = errno;
  if (got == 0 && file->size >= 0) { /* the server would wait for the announced bytes */
    file->error = ENODATA;
    return -1;
  }
  return got;
}

bool upload_file_seek(struct upload_file *file, int64_t offset) {
  return lseek(file->descriptor, (off_t)offset, SEEK_SET) == (off_t)offset;
}

void upload_file_clear(struct upload_file *file) {
  if (file->descriptor >= 0)
    close(file->descriptor);
  file->descriptor = -1;
}
