/* Runs a command in a pseudo-terminal of its own and plays a person who types.

     in_terminal [STEP...] -- COMMAND [ARGUMENT...]

   Steps, in order: expect=TEXT waits for the text in what was printed since the last one; send=TEXT
   types; signal=NUMBER is sent to the command; until=COMMAND waits until this succeeds in a shell;
   reading waits until the command waits for standard input, and has read all that is there. "\n" in
   a text is the return key, "\x03" Ctrl-C. Prints what the terminal showed, with plain line ends.
   The exit status is the command's, 128 and the number for a signal; 99 when a step takes too long.
   The last line on standard error tells whether the terminal still echoes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 30, MOST = 4 * 1024 * 1024, COLUMNS = 80, LINES = 24 };

static const int ended_by[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static char shown[MOST];
static size_t length, seen;

static void fail(const char *what) {
  fprintf(stderr, "in_terminal: %s\n%.*s\n", what, (int)length, shown);
  exit(99);
}

/* Returns 0 at the end of the terminal. */
static int read_more(int terminal, int milliseconds) {
  struct pollfd one = {.fd = terminal, .events = POLLIN};
  int ready = poll(&one, 1, milliseconds);
  if (ready <= 0)
    return 1;
  ssize_t got = read(terminal, shown + length, MOST - length);
  if (got <= 0)
    return 0;
  length += (size_t)got;
  return 1;
}

static void expect(int terminal, const char *text) {
  time_t ends = time(NULL) + SECONDS;
  for (;;) {
    char *found = memmem(shown + seen, length - seen, text, strlen(text));
    if (found != NULL) {
      seen = (size_t)(found - shown) + strlen(text);
      return;
    }
    if (!read_more(terminal, 100))
      fail("the command ended before it printed what is expected");
    if (time(NULL) > ends)
      fail("what is expected was not printed");
  }
}

static void type(int terminal, const char *text) {
  for (; *text != '\0'; text++) {
    char byte = *text;
    if (byte == '\\' && text[1] == 'n') {
      byte = '\r';
      text++;
    } else if (byte == '\\' && text[1] == 'x') {
      char digits[3] = {text[2], text[3], '\0'};
      byte = (char)strtol(digits, NULL, 16);
      text += 3;
    }
    if (write(terminal, &byte, 1) != 1)
      fail("cannot type");
  }
}

static void until(int terminal, const char *command) {
  time_t ends = time(NULL) + SECONDS;
  while (system(command) != 0) {
    read_more(terminal, 50);
    if (time(NULL) > ends)
      fail("what is waited for does not come");
  }
}

/* The mic command waits in pselect, which looks at descriptor 0 alone. */
static int is_reading(pid_t child, int slave) {
  char path[64], present[64] = "", wanted[64];
  int left = 0;
  snprintf(path, sizeof path, "/proc/%ld/syscall", (long)child);
  snprintf(wanted, sizeof wanted, "%ld 0x1 ", (long)SYS_pselect6);
  FILE *file = fopen(path, "r");
  if (file == NULL || fgets(present, sizeof present, file) == NULL)
    present[0] = '\0';
  if (file != NULL)
    fclose(file);
  return strncmp(present, wanted, strlen(wanted)) == 0 && ioctl(slave, FIONREAD, &left) == 0 &&
         left == 0;
}

/* `slave` is the terminal as the command has it. */
static void until_reading(int terminal, pid_t child, int slave) {
  time_t ends = time(NULL) + SECONDS;
  while (!is_reading(child, slave)) {
    read_more(terminal, 20);
    if (time(NULL) > ends)
      fail("the command does not read");
  }
}

static pid_t start(int *terminal, int *kept, char **command) {
  *terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (*terminal < 0 || grantpt(*terminal) != 0 || unlockpt(*terminal) != 0)
    fail("there is no pseudo-terminal");
  struct winsize size = {.ws_row = LINES, .ws_col = COLUMNS};
  ioctl(*terminal, TIOCSWINSZ, &size);
  const char *name = ptsname(*terminal);
  /* Kept open: the terminal's settings stay readable when the command has ended. */
  *kept = open(name, O_RDWR | O_NOCTTY);
  pid_t child = fork();
  if (child == 0) {
    setsid();
    int slave = open(name, O_RDWR);
    ioctl(slave, TIOCSCTTY, 0);
    for (int number = 0; number <= 2; number++)
      dup2(slave, number);
    for (int number = 3; number < 64; number++)
      close(number);
    /* A shell has its jobs in the background ignore some, nohup another one. */
    for (size_t i = 0; i < sizeof ended_by / sizeof ended_by[0]; i++)
      signal(ended_by[i], SIG_DFL);
    execvp(command[0], command);
    _exit(127);
  }
  return child;
}

int main(int count, char **words) {
  int first = 1;
  while (first < count && strcmp(words[first], "--") != 0)
    first++;
  if (first + 1 >= count)
    fail("no command");
  int terminal = -1, kept = -1;
  pid_t child = start(&terminal, &kept, words + first + 1);
  for (int i = 1; i < first; i++) {
    if (strncmp(words[i], "expect=", 7) == 0)
      expect(terminal, words[i] + 7);
    else if (strncmp(words[i], "send=", 5) == 0)
      type(terminal, words[i] + 5);
    else if (strncmp(words[i], "signal=", 7) == 0)
      kill(child, atoi(words[i] + 7));
    else if (strncmp(words[i], "until=", 6) == 0)
      until(terminal, words[i] + 6);
    else if (strcmp(words[i], "reading") == 0)
      until_reading(terminal, child, kept);
    else
      fail("unknown step");
  }
  time_t ends = time(NULL) + SECONDS;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    read_more(terminal, 20);
    if (time(NULL) > ends) {
      kill(child, SIGKILL);
      fail("the command does not end");
    }
  }
  for (size_t before = length + 1; before != length;) {
    before = length;
    read_more(terminal, 50);
  }
  struct termios attributes;
  int echoes = tcgetattr(terminal, &attributes) == 0 && (attributes.c_lflag & ECHO) != 0;
  for (size_t i = 0; i < length; i++)
    if (shown[i] != '\r')
      putchar(shown[i]);
  fflush(stdout);
  fprintf(stderr, "echo %s\n", echoes ? "on" : "off");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
