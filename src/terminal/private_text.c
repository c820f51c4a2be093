#include "../core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private_text.h"

enum { SUFFIX_SIZE = 32 };

int private_textL_problem(lua_State *L) {
  struct stat facts;
  if (stat(luaL_checkstring(L, 1), &facts) != 0)
    lua_pushstring(L, errno == ENOENT || errno == ENOTDIR ? "missing" : strerror(errno));
  else if (!S_ISREG(facts.st_mode))
    lua_pushliteral(L, "no file");
  else if (facts.st_uid != geteuid() && facts.st_uid != 0)
    lua_pushliteral(L, "owner");
  else if ((facts.st_mode & 077) != 0)
    lua_pushliteral(L, "readable");
  else
    lua_pushnil(L);
  return 1;
}

/* Makes the folders above a path. `path` is changed and restored. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
}

static int write_all(int file, const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(file, text, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written < 0 ? errno : ENOSPC;
    text += written;
    length -= (size_t)written;
  }
  return fsync(file) == 0 || errno == EINVAL ? 0 : errno;
}

/* Writes `temporary` and renames it to `path`. Returns an errno. */
static int replace(const char *temporary, const char *path, const char *text, size_t length) {
  int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    return errno;
  int error = write_all(file, text, length);
  if (close(file) != 0 && errno != EINTR && error == 0)
    error = errno;
  if (error == 0 && rename(temporary, path) != 0)
    error = errno;
  if (error != 0)
    unlink(temporary);
  return error;
}

int private_textL_write(lua_State *L) {
  char path[PATH_MAX];
  char temporary[PATH_MAX + SUFFIX_SIZE];
  size_t length;
  const char *given = luaL_checkstring(L, 1);
  const char *text = luaL_checklstring(L, 2, &length);
  struct stat facts;
  if (stat(given, &facts) == 0 && !S_ISREG(facts.st_mode)) { /* as root it would take its place */
    lua_pushnil(L);
    lua_pushliteral(L, "it is not a regular file");
    return 2;
  }
  int error = strlen(given) < sizeof path ? 0 : ENAMETOOLONG;
  if (error == 0 && realpath(given, path) == NULL) { /* a symbolic link stays one */
    memcpy(path, given, strlen(given) + 1);
    make_folders(path);
  }
  if (error == 0) {
    snprintf(temporary, sizeof temporary, "%s.new%ld", path, (long)getpid());
    error = replace(temporary, path, text, length);
  }
  if (error != 0) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(error));
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}
