#include "../base.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../process/idle_clock.h"
#include "../text/loopback.h"
#include "kept_socket.h"

/* Seconds, a tick: precision of the kernel's timestamps of a connection. */
static const double TICK = 0.02;

/* Seconds of idleness before the first probe, and between two probes. */
static const long PROBE_AFTER = 30L;
static const long PROBE_EACH = 10L;

/* ---- open and close ---- */

CURLcode kept_sockets_probe(CURL *easy) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, PROBE_AFTER);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, PROBE_EACH) : code;
}

static struct kept_socket *add(struct kept_sockets *sockets) {
  if (sockets->count == sockets->capacity) {
    size_t capacity = sockets->capacity == 0 ? 8 : 2 * sockets->capacity;
    struct kept_socket *list = realloc(sockets->list, capacity * sizeof *list);
    if (list == NULL)
      return NULL;
    sockets->list = list;
    sockets->capacity = capacity;
  }
  struct kept_socket *added = &sockets->list[sockets->count++];
  memset(added, 0, sizeof *added);
  added->number = ++sockets->last_number;
  return added;
}

/* Without TCP_USER_TIMEOUT, only the timeouts of the calls apply. */
static void limit_unacknowledged(int descriptor, double seconds) {
#ifdef TCP_USER_TIMEOUT
  double wanted = seconds * 1000.0;
  int milliseconds = wanted < INT_MAX ? (int)wanted : INT_MAX;
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
#else
  (void)descriptor, (void)seconds;
#endif
}

curl_socket_t kept_sockets_open(struct kept_sockets *sockets, const struct curl_sockaddr *address,
                                double unacknowledged, uint64_t origin) {
  int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (descriptor < 0)
    return CURL_SOCKET_BAD;
  struct kept_socket *added = add(sockets);
  if (added == NULL) {
    close(descriptor);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
  }
  added->descriptor = descriptor;
  added->origin = origin;
  limit_unacknowledged(descriptor, unacknowledged);
  return descriptor;
}

int kept_sockets_cb_close(void *context, curl_socket_t descriptor) {
  struct kept_sockets *sockets = context;
  for (size_t i = 0; i < sockets->count; i++) {
    if (sockets->list[i].descriptor != descriptor)
      continue;
    sockets->list[i] = sockets->list[--sockets->count];
    break;
  }
  return close(descriptor);
}

void kept_sockets_clear(struct kept_sockets *sockets) {
  free(sockets->list);
  sockets->list = NULL;
  while (sockets->sent.first != NULL)
    list_remove(sockets->sent.first);
  sockets->count = sockets->capacity = 0;
}

/* ---- find ---- */

static int port_of(const struct sockaddr_storage *end) {
  if (end->ss_family == AF_INET)
    return ntohs(((const struct sockaddr_in *)(const void *)end)->sin_port);
  if (end->ss_family == AF_INET6)
    return ntohs(((const struct sockaddr_in6 *)(const void *)end)->sin6_port);
  return 0;
}

static bool has_ports(int descriptor, int local_port, int remote_port) {
  struct sockaddr_storage local = {0}, remote = {0};
  socklen_t local_size = sizeof local, remote_size = sizeof remote;
  return getsockname(descriptor, (struct sockaddr *)&local, &local_size) == 0 &&
         port_of(&local) == local_port &&
         getpeername(descriptor, (struct sockaddr *)&remote, &remote_size) == 0 &&
         port_of(&remote) == remote_port;
}

struct kept_socket *kept_sockets_between(struct kept_sockets *sockets, int local_port,
                                         const char *remote_ip, int remote_port) {
  if (local_port <= 0 || remote_ip == NULL)
    return NULL;
  for (size_t i = sockets->count; i > 0; i--) { /* the newest are the likeliest */
    struct kept_socket *each = &sockets->list[i - 1];
    if (each->local_port == local_port && each->remote_port == remote_port &&
        strcmp(each->remote_ip, remote_ip) == 0)
      return each;
    if (each->local_port > 0 || !has_ports(each->descriptor, local_port, remote_port))
      continue;
    each->local_port = local_port;
    each->remote_port = remote_port;
    snprintf(each->remote_ip, sizeof each->remote_ip, "%s", remote_ip);
    each->on_loopback = loopback_address(remote_ip);
    return each;
  }
  return NULL;
}

struct kept_socket *kept_sockets_find(const struct kept_sockets *sockets, unsigned long number) {
  for (size_t i = sockets->count; i > 0; i--)
    if (sockets->list[i - 1].number == number)
      return &sockets->list[i - 1];
  return NULL;
}

struct kept_socket *kept_sockets_of(struct kept_sockets *sockets, CURL *easy) {
  char *remote_ip = NULL;
  long local_port = 0, remote_port = 0;
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &remote_ip);
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &remote_port);
  curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &local_port);
  return kept_sockets_between(sockets, (int)local_port, remote_ip, (int)remote_port);
}

/* ---- state of a connection ---- */

bool kept_socket_is_silent(const struct kept_socket *socket, double seconds) {
#if KEPT_SOCKET_TELLS
  struct tcp_info info;
  socklen_t size = sizeof info;
  memset(&info, 0, sizeof info);
  if (getsockopt(socket->descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    return false;
  return (double)info.tcpi_last_data_recv / 1000.0 + TICK >= seconds;
#else
  return idle_clock_now() - socket->heard + TICK >= seconds;
#endif
}

/* Returns what recv does: 1 for a byte, 0 at the end, -1 with errno. */
static ssize_t peek(int descriptor) {
  char byte;
  ssize_t got = -1;
  do
    got = recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  return got;
}

static bool is_nothing(ssize_t got) {
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool kept_socket_has_input(int descriptor) {
  return !is_nothing(peek(descriptor));
}

bool kept_socket_has_ended(int descriptor) {
  ssize_t got = peek(descriptor);
  return got <= 0 && !is_nothing(got);
}

#ifdef __linux__
/* Reads tcpi_bytes_acked (Linux 4.1), which the C library does not declare. */
static bool read_acknowledged(int descriptor, uint64_t *bytes) {
  enum { AT = 120 / sizeof *bytes };
  uint64_t fields[AT + 1] = {0};
  socklen_t size = sizeof fields;
  bool ok = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, fields, &size) == 0;
  *bytes = fields[AT];
  return ok && size == sizeof fields;
}
#endif

double kept_socket_written(int descriptor) {
#ifdef __linux__
  uint64_t before = 0, after = 0;
  int unacknowledged = 0;
  for (int tries = 0; tries < 4; tries++)
    if (read_acknowledged(descriptor, &before) &&
        ioctl(descriptor, TIOCOUTQ, &unacknowledged) == 0 &&
        read_acknowledged(descriptor, &after) && before == after)
      return (double)after + unacknowledged;
#else
  (void)descriptor;
#endif
  return -1.0;
}

void kept_socket_end(int descriptor) {
  shutdown(descriptor, SHUT_RDWR);
}
