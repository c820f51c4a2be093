#include "../core/base.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../binding/lua_compat.h"
#include "signals.h"

/* A handler gets no argument of ours. They are set once, before the handlers are installed. */
static volatile sig_atomic_t caught;
static lua_State *interrupted;

/* Raised by the hook, as the interpreter does for Ctrl-C: pcall_compat knows it by this text. */
static void raise_interrupt(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_sethook(L, NULL, 0, 0);
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

/* A signal that the caller of the command ignores stays ignored (nohup), except for SIGINT, which
   the interpreter has taken already. SIGPIPE ends the process even if the caller ignores it. */
int signalsL_install(lua_State *L) {
  static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
  interrupted = compatL_main_thread(L);
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
    struct sigaction present;
    bool is_known = sigaction(ending[i], NULL, &present) == 0;
    if (ending[i] == SIGINT || (is_known && present.sa_handler != SIG_IGN))
      set_handler(ending[i], on_signal);
  }
  set_handler(SIGPIPE, SIG_DFL);
  return 0;
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
