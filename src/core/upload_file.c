#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "upload_file.h"

bool upload_file_open(struct upload_file *file, const char *path) {
  struct stat facts;
  file->size = -1;
  file->error = 0;
  file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0) {
    file->error = errno;
    return false;
  }
  if (S_ISDIR(facts.st_mode)) {
    file->error = EISDIR;
    return false;
  }
  if (S_ISREG(facts.st_mode))
    file->size = facts.st_size;
  return true;
}

ptrdiff_t upload_file_read(struct upload_file *file, char *bytes, size_t room) {
  ssize_t got = read(file->descriptor, bytes, room);
  while (got < 0 && errno == EINTR)
    got = read(file->descriptor, bytes, room);
  if (got < 0)
    file->error = errno;
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
