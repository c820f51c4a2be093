/* Module mic.terminal, which only the command loads: terminals, signals, questions, and the file
   of its configuration. luaopen_mic_terminal is the only exported symbol. */
#include "../core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../binding/lua_compat.h"
#include "ask.h"
#include "private_text.h"
#include "signals.h"

#define MIC_EXPORT __attribute__((visibility("default")))

MIC_EXPORT int luaopen_mic_terminal(lua_State *L);

enum { USUAL_WIDTH = 80, LEAST_WIDTH = 20, MOST_WIDTH = 1000, PIECE = 65536 };
enum { MOST_WORDS = 100000 };

/* Opens the standard descriptors that are closed, so that no other file gets their numbers. Reading
   from standard input ends at once, and writing to standard output fails. */
static int terminal_open_standard(lua_State *L) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  (void)L;
  for (int number = 0; number <= 2; number++)
    if (fcntl(number, F_GETFD) == -1 && errno == EBADF && open("/dev/null", modes[number]) < 0)
      return 0;
  return 0;
}

/* ---@param descriptor integer
   ---@return boolean */
static int terminal_is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* ---@return integer columns of the terminal of standard error or output; 80 if there is none */
static int terminal_width(lua_State *L) {
  struct winsize size;
  int width = 0;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    width = size.ws_col;
  lua_pushinteger(L, width >= LEAST_WIDTH && width <= MOST_WIDTH ? width : USUAL_WIDTH);
  return 1;
}

/* Reads from standard input what is there.
   ---@param seconds number longest wait; negative: without end
   ---@return string? bytes "" at the end; nil: nothing came, or nil and the system's message */
static int terminal_read_input(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (!signals_wait_for_input(STDIN_FILENO, seconds))
    return 0;
  char bytes[PIECE];
  ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN))
    return 0;
  if (got < 0) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
  }
  lua_pushlstring(L, bytes, (size_t)got);
  return 1;
}

/* ---@param path string
   ---@return string? kind "file", "folder" or "other"; nil if there is none
   ---@return number? size in bytes */
static int terminal_file(lua_State *L) {
  struct stat facts;
  if (stat(luaL_checkstring(L, 1), &facts) != 0)
    return 0;
  lua_pushstring(L, S_ISREG(facts.st_mode) ? "file" : S_ISDIR(facts.st_mode) ? "folder" : "other");
  lua_pushnumber(L, (lua_Number)facts.st_size);
  return 2;
}

/* Becomes another program; returns only if that fails.
   ---@param program string looked for in PATH
   ---@param words string[] its arguments
   ---@return nil, string message */
static int terminal_exec(lua_State *L) {
  const char *program = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t count = compat_rawlen(L, 2);
  luaL_argcheck(L, count < MOST_WORDS, 2, "too many words");
  luaL_checkstack(L, (int)count + 1, NULL);
  char **words = lua_newuserdata(L, (count + 2) * sizeof *words);
  memcpy(words, &program, sizeof program);
  for (size_t i = 1; i <= count; i++) { /* the texts stay on the stack */
    lua_rawgeti(L, 2, (int)i);
    const char *word = luaL_checkstring(L, -1);
    memcpy(&words[i], &word, sizeof word);
  }
  words[count + 1] = NULL;
  execvp(program, words);
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2;
}

int luaopen_mic_terminal(lua_State *L) {
  static const struct method functions[] = {{"open_standard", terminal_open_standard},
                                            {"is_terminal", terminal_is_terminal},
                                            {"width", terminal_width},
                                            {"read_input", terminal_read_input},
                                            {"file", terminal_file},
                                            {"exec", terminal_exec},
                                            {"ask", askL_line},
                                            {"guard", signalsL_guard},
                                            {"caught", signalsL_caught},
                                            {"end_by", signalsL_end},
                                            {"privacy_problem", private_textL_problem},
                                            {"write_private", private_textL_write},
                                            {"", NULL}};
  compatL_note_main_thread(L);
  lua_newtable(L);
  compatL_set_methods(L, functions);
  return 1;
}
