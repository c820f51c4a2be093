#include "../core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "ask.h"

/* What ends or stops a process at a terminal. The terminal is restored first, then they are sent
   again. */
static const int guarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
enum { GUARDED = sizeof guarded / sizeof *guarded, SIGNALS = 65 };

/* A signal handler gets no argument of ours. */
static volatile sig_atomic_t came[SIGNALS];

struct question {
  int terminal;
  bool is_hidden;
  struct termios before;
  struct sigaction handlers[GUARDED];
  const char *problem;
  size_t length;
  char text[MIC_SECRET_MAX + 1];
};

static void note(int number) {
  if (number > 0 && number < SIGNALS)
    came[number] = 1;
}

static bool any_came(void) {
  for (size_t i = 0; i < GUARDED; i++)
    if (came[guarded[i]] != 0)
      return true;
  return false;
}

static void guard(struct question *asked) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = note;
  for (size_t i = 0; i < GUARDED; i++) {
    came[guarded[i]] = 0;
    sigaction(guarded[i], &action, &asked->handlers[i]);
  }
}

/* SIGTTOU comes from a process in the background, which is then stopped. */
static bool set_terminal(int terminal, const struct termios *attributes) {
  while (tcsetattr(terminal, TCSAFLUSH, attributes) != 0)
    if (errno != EINTR || came[SIGTTOU] != 0)
      return false;
  return true;
}

static void hide(struct question *asked) {
  struct termios hidden = asked->before;
  hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
  hidden.c_lflag |= (tcflag_t)ECHONL;
  set_terminal(asked->terminal, &hidden);
}

/* Waits for input. The signals are blocked but for the wait itself, so that none comes unnoticed
   before it. Returns false if one came. */
static bool wait_for_input(int terminal) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  for (size_t i = 0; i < GUARDED; i++)
    sigaddset(&blocked, guarded[i]);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  int ready = 0;
  while (!any_came() && ready == 0) {
    fd_set input;
    FD_ZERO(&input);
    FD_SET(terminal, &input);
    ready = pselect(terminal + 1, &input, NULL, NULL, NULL, &before);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  return !any_came();
}

static void read_line(struct question *asked) {
  char byte = 0;
  for (;;) {
    ssize_t got = wait_for_input(asked->terminal) ? read(asked->terminal, &byte, 1) : -1;
    if (got < 0 && errno == EINTR && !any_came())
      continue;
    if (got <= 0) {
      asked->problem = got < 0 && any_came() ? "interrupted" : "end";
      return;
    }
    if (byte == '\n' || byte == '\r')
      return;
    if (asked->length > MIC_SECRET_MAX)
      asked->problem = "too long";
    else
      asked->text[asked->length++] = byte;
  }
}

/* Asks once. Returns true if the process was stopped meanwhile, and it has to ask again. */
static bool ask_once(struct question *asked, const char *prompt) {
  asked->problem = NULL;
  asked->length = 0;
  guard(asked);
  bool has_attributes = tcgetattr(asked->terminal, &asked->before) == 0;
  if (!has_attributes) {
    asked->problem = "no terminal";
  } else {
    if (asked->is_hidden)
      hide(asked);
    if (!any_came() && write(asked->terminal, prompt, strlen(prompt)) >= 0)
      read_line(asked);
    else
      asked->problem = any_came() ? "interrupted" : "no terminal";
    if (asked->is_hidden)
      set_terminal(asked->terminal, &asked->before);
  }
  for (size_t i = 0; i < GUARDED; i++)
    sigaction(guarded[i], &asked->handlers[i], NULL);
  bool was_stopped = false;
  for (size_t i = 0; i < GUARDED; i++) {
    int number = guarded[i];
    if (came[number] == 0)
      continue;
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
      was_stopped = true;
    kill(getpid(), number);
  }
  return was_stopped;
}

/* A compiler may leave out a memset of what is not read again. */
static void wipe(char *text, size_t length) {
  volatile char *byte = text;
  while (length-- > 0)
    *byte++ = '\0';
}

/* Nothing between opening and closing the terminal calls Lua. */
int askL_line(lua_State *L) {
  struct question asked;
  const char *prompt = luaL_checkstring(L, 1);
  asked.is_hidden = lua_toboolean(L, 2) != 0;
  asked.problem = "no terminal";
  asked.length = 0;
  asked.terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (asked.terminal >= FD_SETSIZE) {
    close(asked.terminal);
  } else if (asked.terminal >= 0) {
    while (ask_once(&asked, prompt))
      ;
    close(asked.terminal);
  }
  if (asked.problem != NULL) {
    wipe(asked.text, sizeof asked.text);
    lua_pushnil(L);
    lua_pushstring(L, asked.problem);
    return 2;
  }
  lua_pushlstring(L, asked.text, asked.length);
  wipe(asked.text, sizeof asked.text);
  return 1;
}
