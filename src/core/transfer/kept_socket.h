/* The sockets that libcurl has open for one multi handle, and what is known of their connections.
   libcurl closes no single connection when it is asked, and lends no socket of one: but it tells
   both ends, which name a socket. */
#ifndef MIC_KEPT_SOCKET_H
#define MIC_KEPT_SOCKET_H

#include <curl/curl.h>

#include "../base.h"

/* Where the system tells when something came over a connection last; else the callbacks note it. */
#if defined(__linux__) && !defined(MIC_NO_TCP_INFO)
#define KEPT_SOCKET_TELLS 1
#else
#define KEPT_SOCKET_TELLS 0
#endif

MIC_PRIVATE_BEGIN

enum { KEPT_ADDRESS_SIZE = 46 }; /* the longest IPv6 address as text */

struct kept_socket {
  int descriptor;       /* borrowed of libcurl */
  unsigned long number; /* from 1 on, and no two of a multi handle have the same */
  int local_port;       /* 0 until it was asked for */
  int remote_port;
  char remote_ip[KEPT_ADDRESS_SIZE];
  bool on_loopback; /* remote_ip is this machine's own */
  unsigned users;   /* requests that are under way on it */
  uint64_t origin;  /* of whom it was opened for: a digest of scheme, host and port */
  bool is_http1;    /* it has carried an answer in HTTP/1.x */
  bool went_away;   /* a GOAWAY came */
  bool spoiled;     /* something came behind the end of an answer */
  double heard;     /* on idle_clock_now, when something came last, unless KEPT_SOCKET_TELLS */
};

struct exchange;

struct kept_sockets {
  struct kept_socket *list; /* owned */
  size_t count, capacity;
  unsigned long last_number;
  struct exchange *sent; /* borrowed: see exchange_listen */
};

/* Has the system probe the connections of this handle while they are idle. */
CURLcode kept_sockets_probe(CURL *easy);
/* Opens a socket for libcurl and notes it; a connection is given up when what was sent has not been
   acknowledged for so many seconds. CURL_SOCKET_BAD with errno. */
curl_socket_t kept_sockets_open(struct kept_sockets *sockets, const struct curl_sockaddr *address,
                                double unacknowledged, uint64_t origin);
/* libcurl's callback, with the kept_sockets. */
int kept_sockets_cb_close(void *context, curl_socket_t descriptor);
/* The entry of a connection with these ends; NULL for none. It moves when another socket is opened
   or closed: what lasts is its number. */
struct kept_socket *kept_sockets_between(struct kept_sockets *sockets, int local_port,
                                         const char *remote_ip, int remote_port);
/* NULL when it is closed. */
struct kept_socket *kept_sockets_find(const struct kept_sockets *sockets, unsigned long number);
/* That of the connection which the transfer uses, or used last; NULL when it is closed. */
struct kept_socket *kept_sockets_of(struct kept_sockets *sockets, CURL *easy);
void kept_sockets_clear(struct kept_sockets *sockets); /* closes nothing */

/* Whether nothing has come in the last `seconds`. */
bool kept_socket_is_silent(const struct kept_socket *socket, double seconds);
/* Whether there is something to read: a byte, an end or an error. */
bool kept_socket_has_input(int descriptor);
/* Whether the other side has closed or reset it, and what came before was read. */
bool kept_socket_has_ended(int descriptor);
/* How many bytes were written to it in all; negative where the system does not tell. */
double kept_socket_written(int descriptor);
/* Ends the connection in both directions: libcurl finds it closed when it looks. */
void kept_socket_end(int descriptor);

MIC_PRIVATE_END
#endif
