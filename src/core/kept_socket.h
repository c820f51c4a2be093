/* The sockets that libcurl has opened for one multi handle. libcurl closes no single connection
   when it is asked, and lends no socket of one: but it tells both addresses, which name a socket.
 */
#ifndef MIC_KEPT_SOCKET_H
#define MIC_KEPT_SOCKET_H

#include <curl/curl.h>

#include "base.h"

MIC_PRIVATE_BEGIN

struct kept_sockets {
  int *descriptors; /* borrowed of libcurl; one that is closed by now has no or another address */
  size_t count, capacity;
};

/* The two ends of a connection, as libcurl tells them. */
struct kept_address {
  const char *remote_ip, *local_ip;
  long remote_port, local_port;
};

/* Has the system probe the connections of this handle while they are idle. */
CURLcode kept_sockets_probe(CURL *easy);
/* Opens a socket for libcurl and notes it; a connection is given up when what was sent has not been
   acknowledged for so many seconds. CURL_SOCKET_BAD with errno. */
curl_socket_t kept_sockets_open(struct kept_sockets *sockets, const struct curl_sockaddr *address,
                                double unacknowledged);
/* The socket of the connection that the transfer uses, or used last; -1 when it is closed. */
int kept_sockets_of(const struct kept_sockets *sockets, CURL *easy);
/* The socket with these ends; -1 for none. */
int kept_sockets_find(const struct kept_sockets *sockets, const struct kept_address *ends);
/* Whether nothing has come in the last `seconds`. */
bool kept_socket_is_silent(int descriptor, double seconds);
/* Ends the connection in both directions: libcurl finds it closed when it looks. */
void kept_socket_end(int descriptor);
void kept_sockets_clear(struct kept_sockets *sockets); /* closes nothing */

MIC_PRIVATE_END
#endif
