/* Runs Lua scenarios repeatedly, each run in a new Lua state with another allocation failing:
   Lua's, those of mic/core.so, those of libcurl. After each failure nothing may crash or leak, and
   the state must still work. failing_allocations [OPTION...] SCENARIO.lua...
     --sample N                at most N positions per kind and mode, evenly spread
     --phase N                 the N-th of five such samples, from 0
     --at KIND MODE POSITION   a single failure, in the words of a message
     --collect                 instead: one run, with a full collection for every new object
   The scenarios are in spec/allocation; see spec/support/allocation.lua. */
#include <dirent.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "canned_server.h"
#include "failing_allocator.h"

static const char SUPPORT[] = "spec/support/allocation.lua";
static const char *const mode_names[] = {"none", "once", "onward", "all", "to-end"};
enum { RUN_SECONDS = 20, DESCRIPTORS = 256 };

struct failure {
  const char *scenario;
  enum allocation_kind kind;
  enum failing mode;
  unsigned long position;
};

static struct failure now; /* the current run, for messages */

static char folder[] = "/tmp/mic-allocations-XXXXXX";
static int port;
static unsigned long problems, failures, phase;
static bool finalizer_lost; /* Lua had no memory for a finalizer, so its object leaks */

static void tell(const char *what) {
  problems++;
  fprintf(stderr, "%s, %s allocation %lu, %s: %s\n", now.scenario, allocation_kind_names[now.kind],
          now.position, mode_names[now.mode], what);
}

/* Reports a crash or hang, and exits. */
static void on_signal(int number) {
  fflush(stdout);
  tell(number == SIGALRM ? "hangs" : number == SIGABRT ? "aborts" : "crashes");
  _exit(3);
}

/* ---- functions for Lua ---- */

/* host.files(): the names in the temporary folder. */
static int hostL_files(lua_State *L) {
  lua_newtable(L);
  DIR *entries = opendir(folder);
  int count = 0;
  for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
    if (entry->d_name[0] == '.')
      continue;
    lua_pushstring(L, entry->d_name);
    lua_rawseti(L, -2, ++count);
  }
  if (entries)
    closedir(entries);
  return 1;
}

#if LUA_VERSION_NUM >= 504 /* older ones have no warnings */
/* Lua warns about errors in finalizers. */
static void on_warning(void *context, const char *text, int continues) {
  (void)context, (void)continues;
  if (strstr(text, "not enough memory") != NULL)
    finalizer_lost = true;
}
#endif

/* Leaves the table of the support file at index 1. */
static lua_State *open_state(void) {
  lua_State *L = lua_newstate(allocator_for_lua, NULL);
  if (L == NULL) {
    fputs("no Lua state\n", stderr);
    exit(2);
  }
#if LUA_VERSION_NUM >= 504
  lua_setwarnf(L, on_warning, NULL);
#endif
  luaL_openlibs(L);
  lua_newtable(L);
  lua_pushcfunction(L, hostL_files);
  lua_setfield(L, -2, "files");
  lua_pushinteger(L, port);
  lua_setfield(L, -2, "port");
  lua_pushstring(L, folder);
  lua_setfield(L, -2, "folder");
  lua_setglobal(L, "host");
  if (luaL_loadfile(L, SUPPORT) != 0 || lua_pcall(L, 0, 1, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(2);
  }
  return L;
}

/* Calls a function of the support table with the top `count` values. A string that it returns or
   raises is a problem. */
static void ask(lua_State *L, const char *name, int count) {
  lua_getfield(L, 1, name);
  lua_insert(L, -1 - count);
  if (lua_pcall(L, count, 1, 0) != 0)
    tell(lua_isstring(L, -1) ? lua_tostring(L, -1) : "raises what is no text");
  else if (lua_isstring(L, -1))
    tell(lua_tostring(L, -1));
  lua_pop(L, 1);
}

/* ---- one run ---- */

static int open_descriptors(void) {
  int count = 0;
  for (int i = 0; i < DESCRIPTORS; i++)
    count += fcntl(i, F_GETFD) != -1;
  return count;
}

static void check_left(int descriptors) {
  if (finalizer_lost) {
    allocator_forget();
    return;
  }
  if (allocator_live(LUA_ALLOCATION) != 0 || allocator_live(MODULE_ALLOCATION) != 0 ||
      allocator_live(CURL_ALLOCATION) != 0) {
    tell("memory was not given back:");
    allocator_tell_left();
    allocator_forget();
  }
  if (open_descriptors() != descriptors)
    tell("a file or socket is still open");
  DIR *entries = opendir(folder);
  for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries))
    if (strstr(entry->d_name, ".part") != NULL)
      tell("a half file is left");
  if (entries)
    closedir(entries);
}

/* Checks the scenario's results, above the support table, and the state. */
static void judge(lua_State *L, bool ran) {
  allocator_disarm();
  allocator_collect(0, false);
  lua_pushboolean(L, ran);
  lua_insert(L, 2);
  lua_pushboolean(L, allocator_has_failed());
  lua_insert(L, 2);
  lua_pushstring(L, allocation_kind_names[now.kind]);
  lua_insert(L, 2);
  ask(L, "judge", lua_gettop(L) - 1);
  ask(L, "check_usable", 0);
}

/* Runs a scenario in a new state, with the allocation of `now` failing. */
static void run(unsigned long collect_step) {
  int descriptors = open_descriptors();
  finalizer_lost = false;
  alarm(RUN_SECONDS);
  lua_State *L = open_state();
  luaL_checkstack(L, 40, NULL);
  lua_pushstring(L, now.scenario);
  ask(L, "prepare", 1);
  lua_getfield(L, 1, "run");
  allocator_collect(collect_step, false);
  allocator_arm(now.kind, now.mode, now.position);
  int status = lua_pcall(L, 0, LUA_MULTRET, 0);
  if (now.mode != FAIL_TO_END)
    judge(L, status == 0);
  lua_close(L);
  allocator_disarm();
  alarm(0);
  check_left(descriptors);
}
/* ---- all runs of a scenario ---- */

static unsigned long fail_each(enum allocation_kind kind, enum failing mode, unsigned long count,
                               unsigned long sample) {
  unsigned long runs = sample > 0 && sample < count ? sample : count;
  now.kind = kind;
  now.mode = mode;
  for (unsigned long i = 0; i < runs; i++) {
    now.position = 1 + (5 * i + phase) * count / (5 * runs);
    run(0);
  }
  failures += runs;
  return runs;
}

/* The first run initialises what stays for the process; the second one counts allocations. False if
   the scenario fails by itself. */
static bool warm_up(void) {
  unsigned long before = problems;
  now.kind = LUA_ALLOCATION;
  now.mode = FAIL_NONE;
  now.position = 0;
  run(0);
  allocator_find_libraries();
  allocator_forget();
  run(0);
  return problems == before;
}

static void play(unsigned long sample) {
  unsigned long counts[ALLOCATION_KINDS], runs = 0;
  if (!warm_up())
    return;
  for (int kind = 0; kind < ALLOCATION_KINDS; kind++)
    counts[kind] = allocator_count((enum allocation_kind)kind);
  for (int kind = 0; kind < ALLOCATION_KINDS; kind++)
    for (int mode = FAIL_ONCE; mode <= FAIL_TO_END; mode++)
      runs += fail_each((enum allocation_kind)kind, (enum failing)mode, counts[kind], sample);
  printf("%s: %lu failures of %lu + %lu + %lu allocations\n", now.scenario, runs,
         counts[LUA_ALLOCATION], counts[MODULE_ALLOCATION], counts[CURL_ALLOCATION]);
}

static void collect(void) {
  unsigned long before = allocator_collections();
  if (!warm_up())
    return;
  run(1);
  printf("%s: %lu collections\n", now.scenario, allocator_collections() - before);
}

/* The index of a text in the list; 0 if it is missing. */
static int find(const char *text, const char *const *texts, int count) {
  int i = count - 1;
  while (i > 0 && strcmp(texts[i], text) != 0)
    i--;
  return i;
}

static void play_one(const struct failure *failure) {
  if (!warm_up())
    return;
  now.kind = failure->kind;
  now.mode = failure->mode;
  now.position = failure->position;
  run(0);
}

static void remove_folder(void) {
  char path[512];
  DIR *entries = opendir(folder);
  for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (entry->d_name[0] != '.')
      unlink(path);
  }
  if (entries)
    closedir(entries);
  rmdir(folder);
}

int main(int count, char **words) {
  unsigned long sample = 0;
  struct failure only = {0};
  bool collecting = false;
  int first = 1;
  for (; first < count && strncmp(words[first], "--", 2) == 0; first++) {
    if (strcmp(words[first], "--collect") == 0)
      collecting = true;
    else if (strcmp(words[first], "--sample") == 0 && first + 1 < count)
      sample = strtoul(words[++first], NULL, 10);
    else if (strcmp(words[first], "--phase") == 0 && first + 1 < count)
      phase = strtoul(words[++first], NULL, 10) % 5;
    else if (strcmp(words[first], "--at") == 0 && first + 3 < count) {
      only.kind =
          (enum allocation_kind)find(words[++first], allocation_kind_names, ALLOCATION_KINDS);
      only.mode = (enum failing)find(words[++first], mode_names, FAIL_TO_END + 1);
      only.position = strtoul(words[++first], NULL, 10);
    }
  }
  if (first == count || mkdtemp(folder) == NULL) {
    fputs(
        "usage: failing_allocations [--sample N [--phase N] | --at KIND MODE POSITION | --collect] "
        "SCENARIO.lua...\n",
        stderr);
    return 2;
  }
  port = canned_server_start();
  signal(SIGSEGV, on_signal);
  signal(SIGBUS, on_signal);
  signal(SIGABRT, on_signal);
  signal(SIGALRM, on_signal);
  for (int i = first; i < count; i++) {
    now.scenario = words[i];
    if (only.position > 0)
      play_one(&only);
    else if (collecting)
      collect();
    else
      play(sample);
    fflush(stdout);
  }
  remove_folder();
  printf("%d scenarios, %lu failures, %lu problems\n", count - first, failures, problems);
  return problems == 0 ? 0 : 1;
}
