#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kept_socket.h"

/* What the kernel's clock of a connection may be off, in seconds: a tick. */
static const double TICK = 0.02;

/* Seconds of idleness, and between two probes. */
static const long PROBE_AFTER = 30L;
static const long PROBE_EACH = 10L;

/* ---- opening ---- */

CURLcode kept_sockets_probe(CURL *easy) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, PROBE_AFTER);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, PROBE_EACH) : code;
}

static bool note(struct kept_sockets *sockets, int descriptor) {
  for (size_t i = 0; i < sockets->count; i++)
    if (sockets->descriptors[i] == descriptor)
      return true; /* of one that is closed */
  if (sockets->count == sockets->capacity) {
    size_t capacity = sockets->capacity == 0 ? 8 : 2 * sockets->capacity;
    int *descriptors = realloc(sockets->descriptors, capacity * sizeof *descriptors);
    if (descriptors == NULL)
      return false;
    sockets->descriptors = descriptors;
    sockets->capacity = capacity;
  }
  sockets->descriptors[sockets->count++] = descriptor;
  return true;
}

/* A system that cannot is left as it is: the time limits of the calls hold there, too. */
static void limit_unacknowledged(int descriptor, double seconds) {
#ifdef TCP_USER_TIMEOUT
  unsigned milliseconds = (unsigned)(seconds * 1000.0);
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
#else
  (void)descriptor, (void)seconds;
#endif
}

curl_socket_t kept_sockets_open(struct kept_sockets *sockets, const struct curl_sockaddr *address,
                                double unacknowledged) {
  int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (descriptor < 0)
    return CURL_SOCKET_BAD;
  if (!note(sockets, descriptor)) {
    close(descriptor);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
  }
  if (address->socktype == SOCK_STREAM)
    limit_unacknowledged(descriptor, unacknowledged);
  return descriptor;
}

/* ---- finding ---- */

static bool is_end(const struct sockaddr_storage *end, const char *ip, long port) {
  char text[INET6_ADDRSTRLEN] = "";
  in_port_t number = 0;
  const void *address = NULL;
  if (end->ss_family == AF_INET) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)end;
    number = four->sin_port;
    address = &four->sin_addr;
  } else if (end->ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)end;
    number = six->sin6_port;
    address = &six->sin6_addr;
  } else {
    return false;
  }
  return ntohs(number) == port && inet_ntop(end->ss_family, address, text, sizeof text) != NULL &&
         strcmp(text, ip) == 0;
}

static bool has_ends(int descriptor, const struct kept_address *ends) {
  struct sockaddr_storage local, remote;
  socklen_t local_size = sizeof local, remote_size = sizeof remote;
  return getsockname(descriptor, (struct sockaddr *)&local, &local_size) == 0 &&
         is_end(&local, ends->local_ip, ends->local_port) &&
         getpeername(descriptor, (struct sockaddr *)&remote, &remote_size) == 0 &&
         is_end(&remote, ends->remote_ip, ends->remote_port);
}

int kept_sockets_find(const struct kept_sockets *sockets, const struct kept_address *ends) {
  for (size_t i = sockets->count; i > 0; i--) /* the newest are the likeliest */
    if (has_ends(sockets->descriptors[i - 1], ends))
      return sockets->descriptors[i - 1];
  return -1;
}

int kept_sockets_of(const struct kept_sockets *sockets, CURL *easy) {
  struct kept_address ends = {NULL, NULL, 0, 0};
  char *remote = NULL, *local = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &remote);
  curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &local);
  curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &ends.remote_port);
  curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &ends.local_port);
  if (remote == NULL || local == NULL || ends.local_port <= 0)
    return -1;
  ends.remote_ip = remote;
  ends.local_ip = local;
  return kept_sockets_find(sockets, &ends);
}

/* ---- the connection ---- */

bool kept_socket_is_silent(int descriptor, double seconds) {
#ifdef __linux__
  struct tcp_info info;
  socklen_t size = sizeof info;
  memset(&info, 0, sizeof info);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    return false;
  return (double)info.tcpi_last_data_recv / 1000.0 + TICK >= seconds;
#else
  (void)descriptor, (void)seconds;
  return false;
#endif
}

void kept_socket_end(int descriptor) {
  shutdown(descriptor, SHUT_RDWR);
}

void kept_sockets_clear(struct kept_sockets *sockets) {
  free(sockets->descriptors);
  memset(sockets, 0, sizeof *sockets);
}
