/* Preloaded library: the script under test controls the results of file system calls. Commands go
   through io.open, whose third result is the answer: io.open("puppet:fork"); see
   spec/support/puppet.lua. Only calls on watched paths and their descriptors count. */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024 };
enum action { FAIL, KILL, HALF, SHORT, RUN };

static struct {
  char watched[256]; /* substring of watched paths */
  char hook[512];    /* shell command of RUN */
  char call[16];     /* "any", or the name of a function */
  long at;           /* number of the call that is affected; 0: none */
  bool onwards;      /* and all later ones */
  enum action action;
  int error;
  long count; /* matching calls so far */
  long fired;
  long euid; /* result of geteuid; -1: the real one */
} puppet = {.euid = -1};

static bool tracked[DESCRIPTORS];

static bool is_watched(int folder, const char *path) {
  if (folder >= 0 && folder < DESCRIPTORS && tracked[folder])
    return true;
  return puppet.watched[0] != '\0' && path != NULL && strstr(path, puppet.watched) != NULL;
}

/* True if this call is the affected one. */
static bool strikes(const char *name, bool watched) {
  if (!watched || puppet.at == 0)
    return false;
  if (strcmp(puppet.call, "any") != 0 && strcmp(puppet.call, name) != 0)
    return false;
  puppet.count++;
  if (puppet.count != puppet.at && !(puppet.onwards && puppet.count > puppet.at))
    return false;
  puppet.fired++;
  if (puppet.action == KILL)
    kill(getpid(), SIGKILL);
  if (puppet.action == RUN) {
    puppet.at = 0; /* do not affect what the command causes */
    puppet.fired += system(puppet.hook) == 0 ? 0 : 1000;
  }
  return true;
}

/* For functions whose only action is to fail. */
static bool fails(const char *name, bool watched) {
  if (!strikes(name, watched) || puppet.action != FAIL)
    return false;
  errno = puppet.error;
  return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- system calls ---- */

static int note(int descriptor, bool watched) {
  if (watched && descriptor >= 0 && descriptor < DESCRIPTORS)
    tracked[descriptor] = true;
  return descriptor;
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
  int name(const char *path, int flags, ...) {                                                     \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = mode_of(flags, rest);                                                            \
    va_end(rest);                                                                                  \
    bool watched = is_watched(-1, path);                                                           \
    return fails("open", watched) ? -1 : note(REAL(name)(path, flags, mode), watched);             \
  }

#define OPENAT(name)                                                                               \
  int name(int folder, const char *path, int flags, ...) {                                         \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = mode_of(flags, rest);                                                            \
    va_end(rest);                                                                                  \
    bool watched = is_watched(folder, path);                                                       \
    return fails("openat", watched) ? -1 : note(REAL(name)(folder, path, flags, mode), watched);   \
  }

OPEN(open)
OPENAT(openat)
#ifdef __GLIBC__ /* to musl they are the same functions */
OPEN(open64)
OPENAT(openat64)
#endif

int close(int descriptor) {
  bool watched = is_watched(descriptor, NULL);
  bool failing = fails("close", watched);
  int error = errno;
  if (watched)
    tracked[descriptor] = false;
  int result = REAL(close)(descriptor); /* close() closes even if it fails, as on Linux */
  if (!failing)
    return result;
  errno = error;
  return -1;
}

ssize_t read(int descriptor, void *bytes, size_t size) {
  if (fails("read", is_watched(descriptor, NULL)))
    return -1;
  bool little = puppet.action == SHORT && puppet.fired > 0 && is_watched(descriptor, NULL);
  return REAL(read)(descriptor, bytes, little && size > 7 ? 7 : size);
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
  bool watched = is_watched(descriptor, NULL);
  if (!strikes("write", watched))
    return REAL(write)(descriptor, bytes, size);
  if (puppet.action == FAIL) {
    errno = puppet.error;
    return -1;
  }
  ssize_t written = REAL(write)(descriptor, bytes, puppet.action == RUN ? size : size / 2 + 1);
  if (puppet.action == HALF)
    kill(getpid(), SIGKILL);
  return written;
}

int fsync(int descriptor) {
  return fails("fsync", is_watched(descriptor, NULL)) ? -1 : REAL(fsync)(descriptor);
}

int fstat(int descriptor, struct stat *facts) {
  return fails("fstat", is_watched(descriptor, NULL)) ? -1 : REAL(fstat)(descriptor, facts);
}

int fstatat(int folder, const char *path, struct stat *facts, int flags) {
  bool failing = fails("fstatat", is_watched(folder, path));
  return failing ? -1 : REAL(fstatat)(folder, path, facts, flags);
}

int flock(int descriptor, int operation) {
  return fails("flock", is_watched(descriptor, NULL)) ? -1 : REAL(flock)(descriptor, operation);
}

int fchmod(int descriptor, mode_t mode) {
  return fails("fchmod", is_watched(descriptor, NULL)) ? -1 : REAL(fchmod)(descriptor, mode);
}

int chmod(const char *path, mode_t mode) {
  return fails("chmod", is_watched(-1, path)) ? -1 : REAL(chmod)(path, mode);
}

int mkdir(const char *path, mode_t mode) {
  return fails("mkdir", is_watched(-1, path)) ? -1 : REAL(mkdir)(path, mode);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  bool failing = fails("renameat", is_watched(from_folder, from));
  return failing ? -1 : REAL(renameat)(from_folder, from, to_folder, to);
}

int unlinkat(int folder, const char *path, int flags) {
  bool failing = fails("unlinkat", is_watched(folder, path));
  return failing ? -1 : REAL(unlinkat)(folder, path, flags);
}

uid_t geteuid(void) {
  return puppet.euid >= 0 ? (uid_t)puppet.euid : REAL(geteuid)();
}

/* ---- commands ---- */

static int error_named(const char *name) {
  static const struct {
    const char *name;
    int error;
  } errors[] = {{"EINTR", EINTR},   {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
                {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EROFS", EROFS},
                {"ENOMEM", ENOMEM}, {"ENOLCK", ENOLCK}, {"EPERM", EPERM},   {"EINVAL", EINVAL},
                {"EEXIST", EEXIST}, {"ENOENT", ENOENT}, {"EFAULT", EFAULT}, {"EBUSY", EBUSY}};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    if (strcmp(errors[i].name, name) == 0)
      return errors[i].error;
  }
  return 0;
}

/* "CALL:N:WHAT" or "CALL:N+:WHAT" */
static int arm(const char *text) {
  char what[16] = "";
  char plus[2] = "";
  puppet.count = 0;
  puppet.fired = 0;
  puppet.at = 0;
  long at = 0;
  if (sscanf(text, "%15[^:]:%ld%1[+]:%15s", puppet.call, &at, plus, what) != 4 &&
      sscanf(text, "%15[^:]:%ld:%15s", puppet.call, &at, what) != 3)
    return -1;
  puppet.onwards = plus[0] == '+';
  puppet.error = error_named(what);
  puppet.action = FAIL;
  if (strcmp(what, "kill") == 0)
    puppet.action = KILL;
  else if (strcmp(what, "half") == 0)
    puppet.action = HALF;
  else if (strcmp(what, "short") == 0)
    puppet.action = SHORT;
  else if (strcmp(what, "hook") == 0)
    puppet.action = RUN;
  else if (puppet.error == 0)
    return -1;
  puppet.at = at;
  return 0;
}

static int become(unsigned user) {
  if (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0)
    return -1;
  return 0;
}

static int wait_for(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child)
    return -1;
  return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int count_descriptors(void) {
  int count = 0;
  for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++)
    count += fcntl(descriptor, F_GETFD) >= 0;
  return count;
}

/* Counts a text in writable memory. The text is passed reversed, so that the argument and copies of
   it do not count. */
static int scan(const char *backwards) {
  size_t length = strlen(backwards);
  int count = 0;
  char line[512];
  FILE *maps = REAL(fopen)("/proc/self/maps", "r");
  if (maps == NULL)
    return -1;
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long from = 0, to = 0;
    char mode[8] = "";
    if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strncmp(mode, "rw", 2) != 0 ||
        to - from > (1ul << 28) || strstr(line, "[v") != NULL)
      continue;
    for (const volatile char *at = (const char *)from; at + length <= (const char *)to; at++) {
      size_t same = 0;
      while (same < length && at[same] == backwards[length - 1 - same])
        same++;
      count += same == length;
    }
  }
  fclose(maps);
  return count;
}

static int obey(const char *command) {
  const char *rest = strchr(command, ':');
  long number = rest != NULL ? strtol(rest + 1, NULL, 0) : 0;
  size_t length = rest != NULL ? (size_t)(rest - command) : strlen(command);
  char name[16];
  snprintf(name, sizeof name, "%.*s", (int)length, command);
  if (strcmp(name, "watch") == 0)
    return snprintf(puppet.watched, sizeof puppet.watched, "%s", rest + 1) > 0 ? 0 : -1;
  if (strcmp(name, "hook") == 0)
    return snprintf(puppet.hook, sizeof puppet.hook, "%s", rest + 1) > 0 ? 0 : -1;
  if (strcmp(name, "fail") == 0)
    return arm(rest + 1);
  if (strcmp(name, "fired") == 0)
    return (int)puppet.fired;
  if (strcmp(name, "fork") == 0)
    return fork();
  if (strcmp(name, "wait") == 0)
    return wait_for((pid_t)number);
  if (strcmp(name, "kill") == 0)
    return kill((pid_t)number, SIGKILL);
  if (strcmp(name, "exit") == 0)
    _exit((int)number);
  if (strcmp(name, "umask") == 0)
    return (int)umask((mode_t)number);
  if (strcmp(name, "euid") == 0)
    return (puppet.euid = number) > 0 ? 0 : -1;
  if (strcmp(name, "chdir") == 0)
    return chdir(rest + 1);
  if (strcmp(name, "descriptors") == 0)
    return count_descriptors();
  if (strcmp(name, "scan") == 0)
    return scan(rest + 1);
  if (strcmp(name, "become") == 0)
    return become((unsigned)number);
  return -1;
}

#define FOPEN(name)                                                                                \
  FILE *name(const char *path, const char *mode) {                                                 \
    if (strncmp(path, "puppet:", 7) != 0)                                                          \
      return REAL(name)(path, mode);                                                               \
    errno = obey(path + 7);                                                                        \
    return NULL;                                                                                   \
  }

FOPEN(fopen)
FOPEN(fopen64)
