/* Reference benchmark: the same work in C on libcurl and lua-cjson, as the lower limit. It is a Lua
   module, so that both run in one process by turns. Each function returns the CPU seconds (user and
   system) of its work. */
#include "answer.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PARALLEL_MAX = 64 };

static size_t save(char *bytes, size_t unit, size_t count, void *context) {
  size_t length = unit * count;
  const int *descriptor = context;
  return write(*descriptor, bytes, length) == (ssize_t)length ? length : 0;
}

static double cpu_seconds(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct curl_slist *read_headers(lua_State *L, int index) {
  struct curl_slist *list = NULL;
  luaL_checktype(L, index, LUA_TTABLE);
  for (int i = 1;; i++) {
    lua_rawgeti(L, index, i);
    const char *line = lua_tostring(L, -1);
    lua_pop(L, 1);
    if (line == NULL)
      return list;
    list = curl_slist_append(list, line);
  }
}

static CURL *new_easy(const char *url, struct curl_slist *headers, const char *ca_file) {
  CURL *easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "limit/0.1.0");
  return easy;
}

/* Decodes with the function at index 4 and drops the value. [0, 0] */
static void decode(lua_State *L, const struct answer *answer) {
  lua_pushvalue(L, 4);
  lua_pushlstring(L, answer->bytes, answer->length);
  lua_call(L, 1, 1);
  lua_pop(L, 1);
}

static void check(lua_State *L, CURLcode code, CURL *easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200)
    luaL_error(L, "limit: %s, HTTP %d", curl_easy_strerror(code), (int)status);
}

struct sequential {
  CURL *easy;
  struct curl_slist *headers;
  struct answer answer;
};

/* limit.sequential(url, headers, ca_file, decode) -> userdata for limit.get */
static int limit_sequential(lua_State *L) {
  struct sequential *state = lua_newuserdata(L, sizeof *state);
  state->headers = read_headers(L, 2);
  state->easy = new_easy(luaL_checkstring(L, 1), state->headers, luaL_checkstring(L, 3));
  curl_easy_setopt(state->easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(state->easy, CURLOPT_WRITEDATA, &state->answer);
  return 1;
}

/* limit.get(sequential, count, nil, decode) -> seconds */
static int limit_get(lua_State *L) {
  struct sequential *state = lua_touserdata(L, 1);
  int count = (int)luaL_checkinteger(L, 2);
  double begin = cpu_seconds();
  for (int i = 0; i < count; i++) {
    state->answer.length = 0;
    check(L, curl_easy_perform(state->easy), state->easy);
    decode(L, &state->answer);
  }
  lua_pushnumber(L, cpu_seconds() - begin);
  return 1;
}

struct parallel {
  CURLM *multi;
  struct curl_slist *headers;
  CURL *easy[PARALLEL_MAX];
  struct answer answers[PARALLEL_MAX];
};

/* limit.parallel(url, headers, ca_file, decode) -> userdata for limit.get_parallel */
static int limit_parallel(lua_State *L) {
  struct parallel *state = lua_newuserdata(L, sizeof *state);
  state->multi = curl_multi_init();
  state->headers = read_headers(L, 2);
  for (int i = 0; i < PARALLEL_MAX; i++) {
    state->easy[i] = new_easy(luaL_checkstring(L, 1), state->headers, luaL_checkstring(L, 3));
    curl_easy_setopt(state->easy[i], CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(state->easy[i], CURLOPT_WRITEDATA, &state->answers[i]);
    curl_easy_setopt(state->easy[i], CURLOPT_PRIVATE, &state->answers[i]);
    curl_easy_setopt(state->easy[i], CURLOPT_PIPEWAIT, 1L);
  }
  return 1;
}

static void take_ended(lua_State *L, struct parallel *state) {
  int left = 0;
  CURLMsg *message = curl_multi_info_read(state->multi, &left);
  for (; message != NULL; message = curl_multi_info_read(state->multi, &left)) {
    void *answer = NULL;
    CURL *easy = message->easy_handle;
    check(L, message->data.result, easy);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &answer);
    curl_multi_remove_handle(state->multi, easy);
    decode(L, answer);
  }
}

/* limit.get_parallel(parallel, count, nil, decode) -> seconds; `count` transfers at once */
static int limit_get_parallel(lua_State *L) {
  struct parallel *state = lua_touserdata(L, 1);
  int count = (int)luaL_checkinteger(L, 2), running = 0;
  double begin = cpu_seconds();
  for (int i = 0; i < count && i < PARALLEL_MAX; i++) {
    state->answers[i].length = 0;
    curl_multi_add_handle(state->multi, state->easy[i]);
  }
  do {
    curl_multi_perform(state->multi, &running);
    take_ended(L, state);
    if (running > 0)
      curl_multi_poll(state->multi, NULL, 0, 1000, NULL);
  } while (running > 0);
  lua_pushnumber(L, cpu_seconds() - begin);
  return 1;
}

/* limit.download(url, headers, ca_file, path) -> seconds; large receive buffer and write(2), the
   fastest known way */
static int limit_download(lua_State *L) {
  int descriptor = open(luaL_checkstring(L, 4), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  struct curl_slist *headers = read_headers(L, 2);
  double begin = cpu_seconds();
  CURL *easy = new_easy(luaL_checkstring(L, 1), headers, luaL_checkstring(L, 3));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512 * 1024L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, save);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &descriptor);
  CURLcode code = curl_easy_perform(easy);
  close(descriptor);
  check(L, code, easy);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  lua_pushnumber(L, cpu_seconds() - begin);
  return 1;
}

/* limit.peak_memory() -> kilobytes */
static int limit_peak_memory(lua_State *L) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  lua_pushinteger(L, usage.ru_maxrss);
  return 1;
}

static int limit_now(lua_State *L) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
  return 1;
}

static int limit_cpu(lua_State *L) {
  lua_pushnumber(L, cpu_seconds());
  return 1;
}

int luaopen_limit(lua_State *L);

int luaopen_limit(lua_State *L) {
  static const luaL_Reg functions[] = {{"sequential", limit_sequential},
                                       {"get", limit_get},
                                       {"parallel", limit_parallel},
                                       {"get_parallel", limit_get_parallel},
                                       {"download", limit_download},
                                       {"peak_memory", limit_peak_memory},
                                       {"now", limit_now},
                                       {"cpu", limit_cpu},
                                       {NULL, NULL}};
  curl_global_init(CURL_GLOBAL_DEFAULT);
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name != NULL; function++) {
    lua_pushcfunction(L, function->func);
    lua_setfield(L, -2, function->name);
  }
  return 1;
}
