/* Clocks, random numbers and build features, for Lua. */
#include "../core/base.h"

#include <curl/curl.h>
#include <time.h>

#include "../core/process/append_line.h"
#include "../core/process/clock.h"
#include "../core/process/process_environment.h"
#include "../core/process/process_id.h"
#include "../core/process/randomness.h"
#include "../core/text/decompress.h"
#include "../core/text/failure.h"
#include "../core/transfer/download_file.h"
#include "system.h"

/* ---@return number seconds of the monotonic clock */
static int core_now(lua_State *L) {
  const struct clock clock = {0};
  lua_pushnumber(L, clock_monotonic(&clock));
  return 1;
}

/* ---@return number seconds since 1970 */
static int core_wall(lua_State *L) {
  const struct clock clock = {0};
  lua_pushnumber(L, clock_wall(&clock));
  return 1;
}

/* ---@return integer process id, another one in a forked child */
static int core_pid(lua_State *L) {
  compatL_push_whole(L, (double)process_id());
  return 1;
}

/* Sleeps in this thread. A signal ends it early, so that Ctrl-C works.
   ---@param seconds number */
static int core_sleep(lua_State *L) {
  double seconds = argumentsL_number(L, 1);
  luaL_argcheck(L, seconds >= 0.0 && seconds <= 86400.0, 1, "seconds must be 0 to 86400");
  struct timespec time = {(time_t)seconds, 0};
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  nanosleep(&time, NULL);
  return 0;
}

/* ---@return boolean yieldable this coroutine can be suspended here, as far as Lua can tell */
static int core_is_yieldable(lua_State *L) {
  lua_pushboolean(L, compat_is_yieldable(L));
  return 1;
}

/* A random number from the system: math.random has the same seed in every process on Lua 5.1
   to 5.3.
   ---@return number random 0 <= random < 1 */
static int core_random(lua_State *L) {
  lua_pushnumber(L, (double)(randomness_bits() >> 11) / 9007199254740992.0); /* 2^53 */
  return 1;
}

/* Checks whether a download can be written to a path. Leaves no file.
   ---@param path string
   ---@return true? ok, or nil, "file", code, message */
static int core_check_download(lua_State *L) {
  struct download_file file = {0};
  struct failure failure = {0};
  const char *path = luaL_checkstring(L, 1);
  if (!download_file_set(&file, path))
    argumentsL_raise_memory(L);
  if (!download_file_begin(&file))
    failure_set_errno(&failure, "save_to", file.error);
  download_file_clear(&file);
  if (failure.kind != FAILURE_NONE)
    return argumentsL_push_failure(L, &failure);
  lua_pushboolean(L, 1);
  return 1;
}

/* A variable of the environment. A set-uid program has none, and an empty one counts as unset.
   ---@param name string
   ---@return string? value */
static int core_environment(lua_State *L) {
  const char *value = environment_get(luaL_checkstring(L, 1));
  lua_pushstring(L, value != NULL && value[0] != '\0' ? value : NULL); /* nil for NULL */
  return 1;
}

/* Appends a line to a file of the caller, which it creates for its user alone, in one write.
   ---@param path string
   ---@param line string
   ---@return true? ok, or nil, "file", code, message */
static int core_append_line(lua_State *L) {
  size_t length = 0;
  struct failure failure = {0};
  const char *path = luaL_checkstring(L, 1), *line = luaL_checklstring(L, 2, &length);
  int problem = append_line(path, line, length);
  if (problem == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  failure_set_errno(&failure, NULL, problem);
  return argumentsL_push_failure(L, &failure);
}

static void set_feature(lua_State *L, const char *name, int present) {
  lua_pushboolean(L, present != 0);
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* The versions and features of this build.
   ---@return { version: string, libcurl: string, tls: string?, http2: boolean,
     async_resolver: boolean, gzip: boolean, brotli: boolean, zstd: boolean } gzip, brotli, zstd:
     supported content codings */
static int core_features(lua_State *L) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  lua_newtable(L);
  set_text(L, "version", MIC_VERSION);
  set_text(L, "libcurl", info->version);
  set_text(L, "tls", info->ssl_version);
  set_feature(L, "http2", info->features & CURL_VERSION_HTTP2);
  set_feature(L, "async_resolver", info->features & CURL_VERSION_ASYNCHDNS);
  set_feature(L, "gzip", compression_find("gzip", 4) != NULL);
  set_feature(L, "brotli", compression_find("br", 2) != NULL);
  set_feature(L, "zstd", compression_find("zstd", 4) != NULL);
  return 1;
}

const struct method systemL_functions[] = {{"now", core_now},
                                           {"wall", core_wall},
                                           {"sleep", core_sleep},
                                           {"random", core_random},
                                           {"check_download", core_check_download},
                                           {"environment", core_environment},
                                           {"append_line", core_append_line},
                                           {"features", core_features},
                                           {"pid", core_pid},
                                           {"is_yieldable", core_is_yieldable},
                                           {"", NULL}};
