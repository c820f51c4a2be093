#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../process/descriptor.h"
#include "download_file.h"

enum { SUFFIX_SIZE = 32, NAME_TRIES = 16 };
enum { SUFFIX_LENGTH = 15, USUAL_NAME_MAX = 255 };

bool download_file_set(struct download_file *file, const char *path) {
  file->descriptor = -1;
  file->path = strdup(path);
  return file->path != NULL;
}

/* Length of the path to keep before the suffix: all of it, unless only the suffix makes the name
   too long. A name that is too long by itself fails at once. */
static size_t stem_length(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash + 1 - path);
  size_t whole = strlen(path);
  size_t name = whole - folder;
  return name <= USUAL_NAME_MAX && name + SUFFIX_LENGTH > USUAL_NAME_MAX ? folder : whole;
}

/* O_EXCL guarantees that the name is new. The random part makes collisions rare. */
static void name_temporary(struct download_file *file, size_t size, int attempt) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  snprintf(file->temporary, size, "%.*s.part%08lx%02x", (int)stem_length(file->path), file->path,
           ((unsigned long)now.tv_nsec ^ (unsigned long)getpid() << 12) & 0xfffffffful,
           (unsigned)attempt);
}

/* An errno if nothing may be written to the path, else 0. rename() would replace a device, or a
   symbolic link to one, with a regular file: root would lose /dev/stdout. */
static int place_problem(const char *path) {
  struct stat facts;
  if (stat(path, &facts) != 0 || S_ISREG(facts.st_mode))
    return 0;
  return S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
}

/* Uses open, not mkstemp, so that the umask decides the mode. */
bool download_file_begin(struct download_file *file) {
  size_t size = strlen(file->path) + SUFFIX_SIZE;
  file->error = place_problem(file->path); /* fail before the transfer */
  if (file->error != 0)
    return false;
  file->temporary = malloc(size);
  if (file->temporary == NULL) {
    file->error = ENOMEM;
    return false;
  }
  for (int attempt = 0; attempt < NAME_TRIES; attempt++) {
    name_temporary(file, size, attempt);
    file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->descriptor >= 0) {
      file->error = 0;
      return true;
    }
    file->error = errno;
    if (file->error != EEXIST)
      break;
  }
  free(file->temporary);
  file->temporary = NULL;
  return false;
}

bool download_file_write(struct download_file *file, const char *bytes, size_t length) {
  if (file->temporary == NULL && !download_file_begin(file))
    return false;
  file->error = descriptor_write(file->descriptor, bytes, length);
  return file->error == 0;
}

bool download_file_commit(struct download_file *file) {
  if (file->temporary == NULL && !download_file_begin(file))
    return false;
  int descriptor = file->descriptor;
  file->descriptor = -1;
  file->error = 0;
  bool closed = close(descriptor) == 0 || errno == EINTR;
  if (!closed || rename(file->temporary, file->path) != 0)
    file->error = errno;
  if (file->error != 0)
    unlink(file->temporary);
  free(file->temporary);
  file->temporary = NULL;
  return file->error == 0;
}

void download_file_clear(struct download_file *file) {
  if (file->temporary != NULL) {
    if (file->descriptor >= 0)
      close(file->descriptor);
    unlink(file->temporary);
  }
  free(file->temporary);
  free(file->path);
  memset(file, 0, sizeof *file);
  file->descriptor = -1;
}
