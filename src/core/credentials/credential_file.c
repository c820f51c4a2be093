#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../process/descriptor.h"
#include "../text/buffer.h"
#include "../text/secret.h"
#include "credential_file.h"
#include "private_folder.h"

enum { CHUNK = 4096 };

bool credential_file_set(struct credential_file *file, const char *path, const char *key,
                         size_t key_length) {
  memset(file, 0, sizeof *file);
  file->lock.descriptor = -1;
  return credential_path_set(&file->path, path, key, key_length);
}

void credential_file_clear(struct credential_file *file) {
  file_lock_release(&file->lock);
  credential_path_clear(&file->path);
  file->blamed = NULL;
}

static const char *name_of(const struct credential_file *file, enum credential_part part) {
  return credential_path_name(&file->path, part);
}

/* ---- failures; the folder ---- */

static bool failed(const struct credential_file *file) {
  return file->failure.kind != FAILURE_NONE;
}

/* Sets the file that the next failure is about. */
static struct failure *blame(struct credential_file *file, enum credential_part part) {
  file->blamed = file->path.whole[part];
  return &file->failure;
}

/* Starts every call. Also -1, without a failure, if the folder does not exist and `make` is
   false. */
static int open_folder(struct credential_file *file, bool make) {
  struct stat facts;
  char below[PRIVATE_BELOW_MAX];
  file->failure.kind = FAILURE_NONE;
  file->blamed = file->path.folder;
  file_lock_drop_inherited(&file->lock);
  int folder = private_folder_open(file->path.folder, make, &file->failure, below);
  if (folder < 0 && below[0] != '\0') {
    const char *advice = credential_path_advise(&file->path, below);
    file->blamed = advice != NULL ? advice : file->blamed;
  }
  if (folder < 0)
    return -1;
  if (fstatat(folder, name_of(file, PART_PATH), &facts, 0) != 0 || !S_ISDIR(facts.st_mode))
    return folder;
  failure_set(blame(file, PART_PATH), FAILURE_STORE, "EISDIR",
              "the path is a folder; name a file in it, or end the path with a slash");
  close(folder);
  return -1;
}

/* ---- lock ---- */

static enum file_lock_result take_lock(struct credential_file *file, int folder) {
  struct failure *failure = blame(file, PART_LOCK);
  return file_lock_take(&file->lock, folder, name_of(file, PART_LOCK), failure);
}

enum file_lock_result credential_file_lock(struct credential_file *file) {
  int folder = open_folder(file, true);
  if (folder < 0)
    return LOCK_FAILED;
  enum file_lock_result result = LOCK_BUSY;
  if (file->lock.descriptor < 0)
    result = take_lock(file, folder);
  close(folder);
  return result;
}

/* Takes the lock unless it is held. If *borrowed, the caller must release it. */
static enum file_lock_result borrow_lock(struct credential_file *file, int folder, bool *borrowed) {
  *borrowed = file->lock.descriptor < 0;
  struct failure *failure = blame(file, PART_LOCK);
  enum file_lock_result result =
      file_lock_check(&file->lock, folder, name_of(file, PART_LOCK), failure);
  return result == LOCK_NONE ? take_lock(file, folder) : result;
}

/* ---- read ---- */

enum content { CONTENT_RECORD, CONTENT_NONE, CONTENT_DAMAGED, CONTENT_FAILED };

/* Reads up to the buffer's limit. Returns 0, EFBIG if there is more, or errno. */
static int read_all(int descriptor, struct buffer *bytes) {
  char chunk[CHUNK];
  int error = 0;
  ssize_t got = 1;
  while (got != 0 && error == 0) {
    got = read(descriptor, chunk, sizeof chunk);
    if (got < 0 && errno != EINTR) {
      error = errno;
    } else if (got > 0) {
      enum buffer_status status = buffer_append(bytes, chunk, (size_t)got);
      if (status != BUFFER_OK)
        error = status == BUFFER_FULL ? EFBIG : ENOMEM;
    }
  }
  secret_wipe(chunk, sizeof chunk);
  return error;
}

static enum content content_of(struct failure *failure, enum record_status status) {
  switch (status) {
  case RECORD_READ:
    return CONTENT_RECORD;
  case RECORD_DAMAGED:
    return CONTENT_DAMAGED;
  case RECORD_NEWER:
    failure_set(failure, FAILURE_STORE, "ENOTSUP",
                "it was saved by a newer version of lua-mic; use that one, or remove the file");
    break;
  case RECORD_NO_MEMORY:
    private_failure(failure, ENOMEM);
    break;
  }
  return CONTENT_FAILED;
}

/* *facts: the stat of the file that was read. */
static enum content read_content(struct credential_file *file, int folder, struct record *record,
                                 struct stat *facts) {
  struct failure *failure = blame(file, PART_RECORD);
  int opened = private_file_open(folder, name_of(file, PART_RECORD), O_RDONLY, facts, failure);
  if (opened < 0)
    return failed(file) ? CONTENT_FAILED : CONTENT_NONE;
  struct buffer bytes;
  buffer_init(&bytes, MIC_RECORD_MAX, true);
  int error = read_all(opened, &bytes);
  close(opened);
  enum content content = CONTENT_FAILED;
  if (error == EFBIG)
    content = CONTENT_DAMAGED;
  else if (error != 0)
    private_failure(failure, error);
  else
    content = content_of(failure, record_read(record, bytes.data, bytes.length));
  buffer_free(&bytes);
  return content;
}

/* Call it with the lock held. An error is ignored: the next save replaces the file. */
static bool set_aside(struct credential_file *file, int folder) {
  return renameat(folder, name_of(file, PART_RECORD), folder, name_of(file, PART_DAMAGED)) == 0;
}

/* Moves a damaged file aside under the lock, and only if it still is the file that was read: never
   a new record of another process. */
static bool set_aside_what_was_read(struct credential_file *file, int folder,
                                    const struct stat *damaged) {
  struct stat present;
  bool borrowed;
  bool done = borrow_lock(file, folder, &borrowed) == LOCK_TAKEN &&
              fstatat(folder, name_of(file, PART_RECORD), &present, AT_SYMLINK_NOFOLLOW) == 0 &&
              present.st_dev == damaged->st_dev && present.st_ino == damaged->st_ino &&
              set_aside(file, folder);
  if (borrowed)
    file_lock_release(&file->lock);
  return done;
}

static enum credential_load report_damage(struct credential_file *file, bool aside) {
  static const char set[] =
      "the saved credentials are damaged; they were set aside, and a login makes new ones";
  static const char left[] = "the saved credentials are damaged; a login makes new ones";
  failure_set(blame(file, aside ? PART_DAMAGED : PART_RECORD), FAILURE_STORE, NULL,
              aside ? set : left);
  return LOAD_DAMAGED;
}

enum credential_load credential_file_load(struct credential_file *file, struct record *record) {
  struct stat facts;
  int folder = open_folder(file, false);
  if (folder < 0)
    return failed(file) ? LOAD_FAILED : LOAD_NONE;
  enum content content = read_content(file, folder, record, &facts);
  bool aside = content == CONTENT_DAMAGED && set_aside_what_was_read(file, folder, &facts);
  close(folder);
  if (content == CONTENT_DAMAGED)
    return report_damage(file, aside);
  if (content == CONTENT_RECORD)
    return LOAD_RECORD;
  return content == CONTENT_FAILED ? LOAD_FAILED : LOAD_NONE;
}

/* ---- write; with the lock held ---- */

static bool fail(struct credential_file *file, enum credential_part part, int error) {
  private_failure(blame(file, part), error);
  return false;
}

static int sync_all(int descriptor) {
  while (fsync(descriptor) != 0) {
    if (errno != EINTR)
      return errno;
  }
  return 0;
}

/* Some file systems cannot sync a folder, and return one of these errors. */
static bool sync_folder(struct credential_file *file, int folder) {
  int error = sync_all(folder);
  if (error == 0 || error == EINVAL || error == ENOTSUP)
    return true;
  private_failure(&file->failure, error);
  file->blamed = file->path.folder;
  return false;
}

static bool is_removed(struct credential_file *file, int folder, enum credential_part part) {
  if (unlinkat(folder, name_of(file, part), 0) == 0 || errno == ENOENT)
    return true;
  return fail(file, part, errno);
}

/* Writes the new file and syncs it. */
static bool write_new(struct credential_file *file, int folder, const struct buffer *bytes) {
  /* Left by a process that was killed while it held the lock. */
  if (!is_removed(file, folder, PART_NEW))
    return false;
  struct failure *failure = blame(file, PART_NEW);
  int made = private_file_make(folder, name_of(file, PART_NEW), O_WRONLY, failure);
  if (made < 0)
    return failed(file) ? false : fail(file, PART_NEW, EEXIST);
  int error = descriptor_write(made, bytes->data, bytes->length);
  if (error == 0)
    error = sync_all(made);
  if (close(made) != 0 && errno != EINTR && error == 0)
    error = errno;
  if (error == 0)
    return true;
  unlinkat(folder, name_of(file, PART_NEW), 0);
  return fail(file, PART_NEW, error);
}

static bool put(struct credential_file *file, int folder, const struct record *record) {
  struct buffer bytes;
  buffer_init(&bytes, MIC_RECORD_MAX, true);
  bool ok = record_write(record, &bytes) == BUFFER_OK || fail(file, PART_RECORD, ENOMEM);
  ok = ok && write_new(file, folder, &bytes);
  buffer_free(&bytes);
  if (!ok)
    return false;
  if (renameat(folder, name_of(file, PART_NEW), folder, name_of(file, PART_RECORD)) == 0)
    return sync_folder(file, folder);
  int error = errno;
  unlinkat(folder, name_of(file, PART_NEW), 0);
  return fail(file, PART_RECORD, error);
}

/* Removes all files that may hold a secret. */
static bool erase(struct credential_file *file, int folder) {
  return is_removed(file, folder, PART_RECORD) && is_removed(file, folder, PART_NEW) &&
         is_removed(file, folder, PART_DAMAGED) && sync_folder(file, folder);
}

/* False if the file in the record's place is not ours to replace. */
static bool may_replace(struct credential_file *file, int folder) {
  struct record present = {0};
  struct stat facts;
  enum content content = read_content(file, folder, &present, &facts);
  record_clear(&present);
  if (content == CONTENT_DAMAGED)
    (void)set_aside(file, folder);
  return content != CONTENT_FAILED;
}

static bool save_in(struct credential_file *file, int folder, const struct record *record) {
  bool borrowed;
  enum file_lock_result result = borrow_lock(file, folder, &borrowed);
  if (result == LOCK_BUSY)
    failure_set(&file->failure, FAILURE_STORE, "EAGAIN",
                "another client has the lock; try again later");
  if (result != LOCK_TAKEN)
    return false;
  bool ok = may_replace(file, folder) &&
            (record != NULL ? put(file, folder, record) : erase(file, folder));
  if (borrowed)
    file_lock_release(&file->lock);
  return ok;
}

bool credential_file_save(struct credential_file *file, const struct record *record) {
  int folder = open_folder(file, record != NULL);
  if (folder < 0)
    return !failed(file);
  bool ok = save_in(file, folder, record);
  close(folder);
  return ok;
}
