#include "../core/base.h"

#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "../binding/lua_compat.h"
#include "signals.h"

/* A handler gets no argument of ours. They are set once, before the handlers are installed. */
static volatile sig_atomic_t caught;
static lua_State *interrupted;

/* Raises what the interpreter raises for Ctrl-C: pcall_compat knows it by this text. The hook stays
   until `signalsL_guard` ends, so that no code that catches errors can go on. */
static void raise_interrupt(lua_State *L, lua_Debug *event) {
  (void)event;
  luaL_error(L, "interrupted!");
}

static void set_handler(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL); /* without SA_RESTART: a read ends */
}

/* Calls what the interpreter's own handler calls: lua_sethook may be used in a signal handler. */
static void on_signal(int number) {
  set_handler(number, SIG_DFL);
  caught = number;
  lua_sethook(interrupted, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

enum { ENDING = 3 };
static const int ending[ENDING] = {SIGINT, SIGTERM, SIGHUP};

/* A signal that the caller of the command ignores stays ignored (nohup), except for SIGINT, which
   the interpreter has taken already. SIGPIPE ends the process even if the caller ignores it. */
static void install(void) {
  for (size_t i = 0; i < ENDING; i++) {
    struct sigaction present;
    bool is_known = sigaction(ending[i], NULL, &present) == 0;
    if (ending[i] == SIGINT || (is_known && present.sa_handler != SIG_IGN))
      set_handler(ending[i], on_signal);
  }
  set_handler(SIGPIPE, SIG_DFL);
}

static void uninstall(void) {
  for (size_t i = 0; i < ENDING; i++) {
    struct sigaction present;
    if (sigaction(ending[i], NULL, &present) == 0 && present.sa_handler == on_signal)
      set_handler(ending[i], SIG_DFL);
  }
  if (caught != 0)
    lua_sethook(interrupted, NULL, 0, 0);
}

int signalsL_guard(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  interrupted = compatL_main_thread(L);
  install();
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  uninstall();
  lua_pushboolean(L, status == 0);
  lua_insert(L, 1);
  return lua_gettop(L);
}

bool signals_wait_for_input(int descriptor, double seconds) {
  sigset_t blocked, before;
  struct timespec limit = {0, 0};
  fd_set input;
  int ready = 0;
  if (descriptor >= FD_SETSIZE)
    return true;
  FD_ZERO(&input);
  FD_SET(descriptor, &input);
  if (seconds > 0) {
    limit.tv_sec = (time_t)seconds;
    limit.tv_nsec = (long)((seconds - (double)limit.tv_sec) * 1e9);
  }
  sigemptyset(&blocked);
  for (size_t i = 0; i < ENDING; i++)
    sigaddset(&blocked, ending[i]);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  if (caught == 0)
    ready = pselect(descriptor + 1, &input, NULL, NULL, seconds < 0 ? NULL : &limit, &before);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return ready > 0 && caught == 0;
}

int signalsL_caught(lua_State *L) {
  if (caught == 0)
    return 0;
  lua_pushinteger(L, caught);
  return 1;
}

int signalsL_end(lua_State *L) {
  int number = (int)luaL_checkinteger(L, 1);
  sigset_t one;
  set_handler(number, SIG_DFL);
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  kill(getpid(), number);
  return 0;
}
