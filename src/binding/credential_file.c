#include "../core/base.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../core/credentials/credential_file.h"
#include "../core/credentials/private_folder.h"
#include "credential_file.h"
#include "record.h"

static const char TYPE[] = "mic.credential_file";

struct file_box {
  struct credential_file file;
  double token; /* of the lock; counts how often it was taken */
};

static struct file_box *check_file(lua_State *L) {
  struct file_box *box = luaL_checkudata(L, 1, TYPE);
  luaL_argcheck(L, box->file.path.folder != NULL, 1, "the file was closed");
  return box;
}

static const char *check_path(lua_State *L) {
  size_t length = 0;
  const char *path = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0, 1, "the path is empty");
  luaL_argcheck(L, strlen(path) == length, 1, "the path has a NUL byte");
  return path;
}

/* Makes a path absolute, so that chdir does not affect it.
   ---@param path string
   ---@return string? absolute, or nil, "store", code, message */
int credentialFileL_absolute(lua_State *L) {
  const char *path = check_path(L);
  char folder[PATH_MAX];
  struct failure failure = {0};
  if (path[0] == '/') {
    lua_pushstring(L, path);
    return 1;
  }
  if (getcwd(folder, sizeof folder) == NULL) {
    private_failure(&failure, errno);
    return argumentsL_push_failure(L, &failure);
  }
  lua_pushfstring(L, "%s/%s", folder, path);
  return 1;
}

/* A record and its lock in files beside `path`. Touches no file yet.
   ---@param path string absolute
   ---@param key string any bytes; one record per key
   ---@return mic.credential_file file */
int credentialFileL_new(lua_State *L) {
  const char *path = check_path(L);
  size_t key_length = 0;
  const char *key = luaL_checklstring(L, 2, &key_length);
  luaL_argcheck(L, path[0] == '/', 1, "the path is not absolute");
  struct file_box *box = argumentsL_new_block(L, sizeof *box);
  box->file.lock.descriptor = -1;
  argumentsL_set_type(L, TYPE);
  if (!credential_file_set(&box->file, path, key, key_length))
    return argumentsL_raise_memory(L);
  return 1;
}

/* Pushes nil, kind, code, message, hint or nil; returns 5. The message ends with the path. */
static int push_failure(lua_State *L, const struct credential_file *file) {
  const struct failure failure = file->failure;
  lua_pushstring(L, file->blamed); /* first: a finalizer may close or use the file */
  argumentsL_push_failure(L, &failure);
  lua_pushfstring(L, "%s: %s", failure.message, lua_tostring(L, -5));
  lua_replace(L, -2);
  if (failure.hint != NULL)
    lua_pushstring(L, failure.hint);
  else
    lua_pushnil(L);
  return 5;
}

/* Takes the lock without waiting. `unlock`, closing this object and the process's end release it.
   ---@return number|false|nil token false if another holder, or this object, has the lock;
     nil, "store", code, message, hint on failure */
static int file_lock(lua_State *L) {
  struct file_box *box = check_file(L);
  switch (credential_file_lock(&box->file)) {
  case LOCK_TAKEN:
    box->token += 1.0;
    compatL_push_whole(L, box->token);
    return 1;
  case LOCK_BUSY:
  case LOCK_NONE:
    lua_pushboolean(L, 0);
    return 1;
  case LOCK_FAILED:
    break;
  }
  return push_failure(L, &box->file);
}

/* Releases the lock.
   ---@param token any the result of `lock`
   ---@return boolean ours false if the caller no longer held it */
static int file_unlock(lua_State *L) {
  struct file_box *box = check_file(L);
  double token = lua_type(L, 2) == LUA_TNUMBER ? lua_tonumber(L, 2) : 0.0;
  file_lock_drop_inherited(&box->file.lock);
  bool ours = box->file.lock.descriptor >= 0 && token >= box->token && token <= box->token;
  if (ours)
    file_lock_release(&box->file.lock);
  lua_pushboolean(L, ours);
  return 1;
}

/* Loads the record.
   ---@return mic.record? record nil if there is none; nil, "damaged", nil, message if the content
     is not a record, which is moved aside if possible; nil, "store", code, message, hint if it is
     not trusted or cannot be read */
static int file_load(lua_State *L) {
  lua_settop(L, 1);
  struct record *record = recordL_push(L);
  struct file_box *box = check_file(L);
  switch (credential_file_load(&box->file, record)) {
  case LOAD_RECORD:
    return 1;
  case LOAD_NONE:
    return 0;
  case LOAD_DAMAGED:
    push_failure(L, &box->file);
    lua_pushliteral(L, "damaged");
    lua_replace(L, -5);
    return 5;
  case LOAD_FAILED:
    break;
  }
  return push_failure(L, &box->file);
}

/* Saves durably. Needs the lock, and takes it for the time of the call unless this object has it.
   ---@param record mic.record|nil nil removes the record
   ---@return true? ok, or nil, "store", code, message, hint */
static int file_save(lua_State *L) {
  struct file_box *box = check_file(L);
  const struct record *record = recordL_test(L, 2);
  luaL_argcheck(L, record != NULL || lua_isnoneornil(L, 2), 2, "a record or nil expected");
  if (!credential_file_save(&box->file, record))
    return push_failure(L, &box->file);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---@return string path of the record's file */
static int file_path(lua_State *L) {
  struct file_box *box = check_file(L);
  lua_pushstring(L, box->file.path.whole[PART_RECORD]);
  return 1;
}

static int file_release(lua_State *L) {
  struct file_box *box = compatL_testudata(L, 1, TYPE);
  if (box != NULL)
    credential_file_clear(&box->file);
  return 0;
}

void credentialFileL_open(lua_State *L) {
  static const struct method methods[] = {{"lock", file_lock}, {"unlock", file_unlock},
                                          {"load", file_load}, {"save", file_save},
                                          {"path", file_path}, {"", NULL}};
  argumentsL_new_type(L, TYPE, methods, file_release, NULL);
}
