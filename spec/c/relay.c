/* TCP relay to a port of this machine that can drop its connections silently, as a NAT does. Prints
   "PORT=n", then "opened N" and "closed N" per connection, N from 1. Reads single characters from
   standard input: d, all open connections discard data from both sides from now on; r, those
   connections are reset. Answers each with a line "done". Exits at the end of input. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 200, FIRST = 2 };

struct pair {
  int ends[2]; /* client, server */
  bool dead;
};

static struct pair pairs[PAIRS_MAX];
static int count;

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void open_pair(int listener, int port) {
  struct sockaddr_in address = loopback(port);
  int client = accept(listener, NULL, NULL);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  if (client < 0 || count == PAIRS_MAX ||
      connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
    close(client);
    close(server);
    return;
  }
  pairs[count].ends[0] = client;
  pairs[count].ends[1] = server;
  printf("opened %d\n", ++count);
}

static void close_pair(int index) {
  for (int side = 0; side < 2; side++) {
    close(pairs[index].ends[side]);
    pairs[index].ends[side] = -1;
  }
  printf("closed %d\n", index + 1);
}

static void reset_dead(void) {
  struct linger at_once = {1, 0};
  for (int i = 0; i < count; i++) {
    if (!pairs[i].dead || pairs[i].ends[0] < 0)
      continue;
    setsockopt(pairs[i].ends[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_pair(i);
  }
}

static void obey(void) {
  struct pollfd input = {0, POLLIN, 0};
  char command = '\0';
  if (poll(&input, 1, 0) == 0)
    return;
  if (read(0, &command, 1) <= 0)
    exit(0);
  for (int i = 0; i < count && command == 'd'; i++)
    pairs[i].dead = true;
  if (command == 'r')
    reset_dead();
  printf("done\n");
}

static void pass_on(int index, int side) {
  struct pair *pair = &pairs[index];
  char bytes[16384];
  ssize_t got = recv(pair->ends[side], bytes, sizeof bytes, 0);
  if (got <= 0) {
    close_pair(index);
    return;
  }
  for (ssize_t sent = 0; sent < got && !pair->dead;) {
    struct pollfd ready[] = {{0, POLLIN, 0}, {pair->ends[1 - side], POLLOUT, 0}};
    poll(ready, 2, -1);
    obey();
    if (ready[1].revents == 0 || pair->dead)
      continue;
    ssize_t now = send(ready[1].fd, bytes + sent, (size_t)(got - sent), MSG_DONTWAIT);
    if (now <= 0 && errno != EAGAIN)
      return;
    sent += now > 0 ? now : 0;
  }
}

int main(int argc, char **argv) {
  static struct pollfd entries[FIRST + 2 * PAIRS_MAX];
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int port = argc > 1 ? atoi(argv[1]) : 0;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (port == 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    return 1;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("PORT=%d\n", ntohs(address.sin_port));
  for (;;) {
    entries[0] = (struct pollfd){0, POLLIN, 0};
    entries[1] = (struct pollfd){listener, POLLIN, 0};
    int known = count;
    for (int i = 0; i < known; i++)
      for (int side = 0; side < 2; side++)
        entries[FIRST + 2 * i + side] = (struct pollfd){pairs[i].ends[side], POLLIN, 0};
    if (poll(entries, (nfds_t)(FIRST + 2 * known), -1) < 0)
      return 1;
    for (int i = 0; i < known; i++)
      for (int side = 0; side < 2; side++)
        if (pairs[i].ends[side] >= 0 && entries[FIRST + 2 * i + side].revents != 0)
          pass_on(i, side);
    obey();
    if (entries[1].revents != 0)
      open_pair(listener, port);
  }
}
