#include "../base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private_folder.h"

/* The part of a message that says how to fix the problem. */
static const char *remedy_of(int error) {
  switch (error) {
  case EACCES:
  case EPERM:
    return "; this user must be able to read and write there";
  case ENOSPC:
  case EDQUOT:
    return "; make room";
  case EMFILE:
  case ENFILE:
    return "; close some, or raise the limit (ulimit -n)";
  case EIO:
    return "; check the disk";
  case EBUSY:
    return ": mount its folder, not the file";
  case ENOMEM:
    return "";
  default:
    return "; choose another path";
  }
}

static void append(struct failure *failure, const char *text) {
  size_t length = strlen(failure->message);
  snprintf(failure->message + length, sizeof failure->message - length, "%s", text);
}

void private_failure(struct failure *failure, int error) {
  failure_set_errno(failure, NULL, error);
  failure->kind = FAILURE_STORE;
  append(failure, remedy_of(error));
}

static void refuse(struct failure *failure, const char *code, const char *message) {
  failure_set(failure, FAILURE_STORE, code, message);
}

/* Fails with ENOTDIR or ELOOP on a symbolic link. */
static int open_itself(const char *path, int flags) {
  int folder;
  do
    folder = open(path, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  while (folder < 0 && errno == EINTR);
  return folder;
}

/* Works on the descriptor, because the path may point elsewhere by now. */
static int make_private(int folder, bool readable) {
  struct stat facts;
  char name[40];
  if (fstat(folder, &facts) != 0)
    return errno;
  if (facts.st_uid != geteuid() || (facts.st_mode & 0777) == 0700)
    return 0; /* an error shows up when it is used */
  snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
  return (readable ? fchmod(folder, 0700) : chmod(name, 0700)) == 0 ? 0 : errno;
}

/* The umask may have removed our own bits, even the one to read. */
static int settle_folder(const char *path) {
  bool readable = true;
  int folder = open_itself(path, O_RDONLY);
#ifdef O_PATH
  if (folder < 0 && errno == EACCES) {
    readable = false;
    folder = open_itself(path, O_PATH);
  }
#endif
  if (folder < 0)
    return errno == ENOTDIR || errno == ELOOP ? 0 : errno;
  int error = make_private(folder, readable);
  close(folder);
  return error;
}

/* Creates the folder and its parents. Returns 0 or errno. Restores `path`. */
static int make_folder(char *path) {
  if (mkdir(path, 0700) == 0)
    return settle_folder(path);
  if (errno == EEXIST)
    return 0;
  char *slash = strrchr(path, '/');
  if (errno != ENOENT || slash == NULL || slash == path)
    return errno;
  *slash = '\0';
  int error = make_folder(path);
  *slash = '/';
  if (error != 0)
    return error;
  if (mkdir(path, 0700) == 0)
    return settle_folder(path);
  return errno == EEXIST ? 0 : errno;
}

static int make_all(const char *path) {
  char *copy = strdup(path);
  if (copy == NULL)
    return ENOMEM;
  int error = make_folder(copy);
  free(copy);
  return error;
}

/* For files that we created with mode 0600, and folders with 0700. */
static void hint_at_fs_group(struct failure *failure) {
  failure->hint =
      "done by Kubernetes' fsGroup? chmod -R go-rwx on the folder corrects all in it, and "
      "fsGroupChangePolicy: OnRootMismatch keeps it so";
}

/* True if the folder of that name is usable, or could be created. */
static bool will_do(int folder, const char *name) {
  struct stat facts;
  if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
  return S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() && (facts.st_mode & 022) == 0;
}

/* Another user of the same volume may have created the first name. */
static bool find_below(int folder, char below[PRIVATE_BELOW_MAX]) {
  snprintf(below, PRIVATE_BELOW_MAX, "lua-mic");
  if (will_do(folder, below))
    return true;
  snprintf(below, PRIVATE_BELOW_MAX, "lua-mic-%lu", (unsigned long)geteuid());
  if (will_do(folder, below))
    return true;
  below[0] = '\0';
  return false;
}

static void refuse_foreign(int folder, bool writable, struct failure *failure,
                           char below[PRIVATE_BELOW_MAX]) {
  bool found = find_below(folder, below);
  refuse(failure, "EPERM",
         writable ? "others may write to the folder" : "the folder belongs to another user");
  append(failure, found ? "; use a folder below it" : "; choose another path");
}

static bool is_private_folder(int folder, struct failure *failure, char below[PRIVATE_BELOW_MAX]) {
  struct stat facts;
  if (fstat(folder, &facts) != 0) {
    private_failure(failure, errno);
    return false;
  }
  bool ours = facts.st_uid == geteuid();
  bool writable = (facts.st_mode & 022) != 0 && (facts.st_mode & S_ISVTX) == 0;
  if ((ours || facts.st_uid == 0) && !writable)
    return true;
  if (!ours) {
    refuse_foreign(folder, writable, failure, below);
    return false;
  }
  refuse(failure, "EPERM", "others may write to the folder; run chmod go-w on it");
  if ((facts.st_mode & 07777) == 02770)
    hint_at_fs_group(failure);
  return false;
}

/* ---- symbolic links to folders ---- */

/* Follows a link only if we or root own it: another user who may write to the parent could point it
   at any folder. errno is EPERM for an untrusted link. */
static ssize_t read_link(const char *path, char *target, size_t size) {
  struct stat facts;
#ifdef O_PATH
  int link = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (link < 0)
    return -1;
  bool trusted = fstat(link, &facts) == 0 && (facts.st_uid == geteuid() || facts.st_uid == 0);
  ssize_t length = trusted ? readlinkat(link, "", target, size) : -1;
  close(link);
#else
  bool trusted = lstat(path, &facts) == 0 && (facts.st_uid == geteuid() || facts.st_uid == 0);
  ssize_t length = trusted ? readlink(path, target, size) : -1;
#endif
  if (!trusted)
    errno = EPERM;
  return length;
}

/* Replaces `path` with the link's target. False with errno. */
static bool follow(char path[PATH_MAX]) {
  char target[PATH_MAX];
  ssize_t length = read_link(path, target, sizeof target);
  if (length < 0)
    return false;
  char *slash = strrchr(path, '/');
  size_t kept = slash == NULL || target[0] == '/' ? 0 : (size_t)(slash + 1 - path);
  if ((size_t)length >= sizeof target - kept) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(path + kept, target, (size_t)length);
  path[kept + (size_t)length] = '\0';
  return true;
}

/* Removes trailing slashes: open("a/b/") would follow the link "a/b". */
static bool copy_path(char copy[PATH_MAX], const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  if (length >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  memmove(copy, path, length);
  copy[length] = '\0';
  return true;
}

enum { LINKS_MAX = 8 };

static int open_folder(const char *path) {
  char present[PATH_MAX];
  if (!copy_path(present, path))
    return -1;
  for (int links = 0; links <= LINKS_MAX; links++) {
    int folder = open_itself(present, O_RDONLY);
    if (folder >= 0 || (errno != ENOTDIR && errno != ELOOP))
      return folder;
    struct stat facts;
    int error = errno;
    if (lstat(present, &facts) != 0 || !S_ISLNK(facts.st_mode)) {
      errno = error;
      return -1;
    }
    if (!follow(present) || !copy_path(present, present))
      return -1;
  }
  errno = ELOOP;
  return -1;
}

int private_folder_open(const char *path, bool make, struct failure *failure,
                        char below[PRIVATE_BELOW_MAX]) {
  below[0] = '\0';
  int folder = open_folder(path);
  if (folder < 0 && errno == EPERM) {
    refuse(failure, "EPERM",
           "another user's symbolic link leads to the folder; choose another path");
    return -1;
  }
  if (folder < 0 && errno == ENOENT) {
    if (!make)
      return -1;
    int error = make_all(path);
    if (error != 0) {
      private_failure(failure, error);
      return -1;
    }
    folder = open_folder(path);
  }
  if (folder < 0) {
    private_failure(failure, errno);
    return -1;
  }
  if (is_private_folder(folder, failure, below))
    return folder;
  close(folder);
  return -1;
}

/* ---- files ---- */

static bool is_private(const struct stat *facts, struct failure *failure) {
  if (S_ISLNK(facts->st_mode))
    refuse(failure, "ELOOP", "it is a symbolic link; remove it or choose another path");
  else if (S_ISDIR(facts->st_mode))
    refuse(failure, "EISDIR", "it is a folder; remove it or choose another path");
  else if (!S_ISREG(facts->st_mode))
    refuse(failure, "EINVAL", "it is not a regular file; remove it or choose another path");
  else if (facts->st_uid != geteuid())
    refuse(failure, "EPERM", "the file belongs to another user; remove it or choose another path");
  else if ((facts->st_mode & 077) == 0)
    return true;
  else {
    refuse(failure, "EPERM", "others can read or write the file; run chmod 600 on it");
    if ((facts->st_mode & 0777) == 0660)
      hint_at_fs_group(failure);
  }
  return false;
}

static bool is_private_file(int file, struct stat *facts, struct failure *failure) {
  if (fstat(file, facts) == 0)
    return is_private(facts, failure);
  private_failure(failure, errno);
  return false;
}

/* Reports what a file is, if it cannot be opened. */
static void blame_unopened(int folder, const char *name, int error, struct failure *failure) {
  struct stat facts;
  if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || is_private(&facts, failure))
    private_failure(failure, error);
}

/* Never makes a terminal the controlling one; never blocks on a FIFO. */
static int open_file(int folder, const char *name, int flags) {
  int file;
  do
    file = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  while (file < 0 && errno == EINTR);
  return file;
}

int private_file_open(int folder, const char *name, int flags, struct stat *facts,
                      struct failure *failure) {
  int file = open_file(folder, name, flags);
  if (file < 0) {
    int error = errno;
    if (error != ENOENT)
      blame_unopened(folder, name, error, failure);
    return -1;
  }
  if (is_private_file(file, facts, failure))
    return file;
  close(file);
  return -1;
}

int private_file_make(int folder, const char *name, int flags, struct failure *failure) {
  struct stat facts;
  int file = open_file(folder, name, flags | O_CREAT | O_EXCL);
  if (file < 0) {
    if (errno != EEXIST)
      private_failure(failure, errno);
    return -1;
  }
  /* The umask may have removed our own bits, and some file systems have no modes. */
  if (fchmod(file, 0600) != 0)
    private_failure(failure, errno);
  else if (is_private_file(file, &facts, failure))
    return file;
  unlinkat(folder, name, 0);
  close(file);
  return -1;
}
