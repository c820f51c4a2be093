/* Fault injection server on loopback, scripted byte by byte: for specs, and for trying how a
   program behaves when the network fails.

     faults SCRIPT [SCRIPT...]

   Each connection runs one script, in order; the last script serves all further connections. The
   server prints "PORT=n" first, then a line for every request that it reads, followed by the names
   of its headers, each on an indented line. It exits when its standard input closes. A script has
   these lines:

     read              a request: head, and body by Content-Length
     head              a request's head only
     send TEXT         with the escapes \r \n \t \0 \\ and \xHH
     repeat N TEXT     TEXT N times
     drip MS TEXT      one byte at a time, MS milliseconds apart
     wait MS
     await FILE        until the file exists
     say TEXT          prints "said TEXT": what was sent before has arrived then
     half-close        stops sending; reads until the other side closes
     hold              does nothing until the other side closes
     reset             closes at once, with RST
     again             back to the first line, on the same connection

   The connection closes at the end of the script. Each connection runs in a child process. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 256 * 1024 };

static void pause_for(long milliseconds) {
  struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  nanosleep(&time, NULL);
}

static int hex(char digit) {
  const char *digits = "0123456789abcdef";
  const char *found = digit == '\0' ? NULL : strchr(digits, digit | 0x20);
  return found == NULL ? 0 : (int)(found - digits);
}

/* Decodes escapes in place; returns the length. */
static size_t unescape(char *text) {
  char *out = text;
  for (const char *in = text; *in != '\0'; in++) {
    if (*in != '\\' || in[1] == '\0') {
      *out++ = *in;
      continue;
    }
    in++;
    switch (*in) {
    case 'r':
      *out++ = '\r';
      break;
    case 'n':
      *out++ = '\n';
      break;
    case 't':
      *out++ = '\t';
      break;
    case '0':
      *out++ = '\0';
      break;
    case 'x':
      *out++ = (char)(hex(in[1]) * 16 + hex(in[2]));
      in += 2;
      break;
    default:
      *out++ = *in;
    }
  }
  return (size_t)(out - text);
}

static bool send_all(int connection, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(connection, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

static void read_to_end(int connection) {
  char bytes[4096];
  while (read(connection, bytes, sizeof bytes) > 0) {
  }
}

/* Reads a head, and with `body` the body by Content-Length. False if the other side closed. */
static bool read_request(int connection, bool body) {
  static char head[HEAD_MAX + 1];
  size_t length = 0;
  head[0] = '\0';
  char *end = NULL;
  while (end == NULL && length < HEAD_MAX) {
    ssize_t got = read(connection, head + length, 1);
    if (got <= 0)
      return false;
    length += (size_t)got;
    head[length] = '\0';
    end = length >= 4 && memcmp(head + length - 4, "\r\n\r\n", 4) == 0 ? head + length : NULL;
  }
  printf("%.*s\n", (int)strcspn(head, "\r"), head);
  long left = 0;
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (*line != '\r' && *line != '\0')
      printf("  %.*s\n", (int)strcspn(line, ":\r"), line);
    if (body && strncasecmp(line, "content-length:", 15) == 0)
      left = strtol(line + 15, NULL, 10);
  }
  fflush(stdout);
  char byte;
  while (left > 0 && read(connection, &byte, 1) == 1)
    left--;
  return left == 0;
}

static bool play_line(int connection, char *line) {
  char *rest = line + strcspn(line, " ");
  if (*rest != '\0')
    *rest++ = '\0';
  if (strcmp(line, "read") == 0 || strcmp(line, "head") == 0)
    return read_request(connection, line[0] == 'r');
  if (strcmp(line, "send") == 0)
    return send_all(connection, rest, unescape(rest));
  if (strcmp(line, "wait") == 0) {
    pause_for(strtol(rest, NULL, 10));
    return true;
  }
  if (strcmp(line, "await") == 0) {
    while (access(rest, F_OK) != 0)
      pause_for(5);
    return true;
  }
  if (strcmp(line, "say") == 0) {
    printf("said %s\n", rest);
    fflush(stdout);
    return true;
  }
  if (strcmp(line, "repeat") == 0 || strcmp(line, "drip") == 0) {
    char *text = NULL;
    long number = strtol(rest, &text, 10);
    text += *text == ' ' ? 1 : 0;
    size_t length = unescape(text);
    bool good = true;
    if (line[0] == 'r')
      for (long i = 0; i < number && good; i++)
        good = send_all(connection, text, length);
    else
      for (size_t i = 0; i < length && good; i++) {
        good = send_all(connection, text + i, 1);
        pause_for(number);
      }
    return good;
  }
  if (strcmp(line, "half-close") == 0)
    shutdown(connection, SHUT_WR);
  if (strcmp(line, "half-close") == 0 || strcmp(line, "hold") == 0) {
    read_to_end(connection);
    return false;
  }
  if (strcmp(line, "reset") == 0) {
    const struct linger at_once = {1, 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
  }
  fprintf(stderr, "faults: unknown line: %s\n", line);
  return false;
}

static void play(int connection, const char *script) {
  bool again = true;
  while (again) {
    again = false;
    char *copy = strdup(script);
    char *next = copy;
    while (copy != NULL && next != NULL) {
      char *line = next;
      next = strchr(line, '\n');
      if (next != NULL)
        *next++ = '\0';
      if (strcmp(line, "again") == 0) {
        again = true;
        break;
      }
      if (*line != '\0' && !play_line(connection, line)) {
        again = false;
        break;
      }
    }
    free(copy);
  }
}

static int listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    perror("faults");
    exit(1);
  }
  printf("PORT=%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(int count, char **scripts) {
  if (count < 2) {
    fputs("usage: faults SCRIPT [SCRIPT...]\n", stderr);
    return 2;
  }
  signal(SIGCHLD, SIG_IGN);
  int listener = listen_on_loopback();
  int number = 1;
  for (;;) {
    struct pollfd events[2] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(events, 2, -1) < 0 && errno != EINTR)
      return 1;
    char byte;
    if (events[1].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
      break;
    if (events[0].revents == 0)
      continue;
    int connection = accept(listener, NULL, NULL);
    if (connection < 0)
      continue;
    if (fork() == 0) {
#ifdef __linux__
      prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
      close(listener);
      play(connection, scripts[number]);
      close(connection);
      _exit(0);
    }
    close(connection);
    if (number < count - 1)
      number++;
  }
  return 0;
}
