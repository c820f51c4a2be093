/* Open sockets of one multi handle, and what is known of their connections. libcurl can neither
   close a single connection nor lend its socket. But it reports the addresses and ports of both
   ends, which identify a socket. */
#ifndef MIC_KEPT_SOCKET_H
#define MIC_KEPT_SOCKET_H

#include <curl/curl.h>

#include "../base.h"
#include "../list.h"

/* True where the kernel tells when a connection last received data. Elsewhere the callbacks record
   it. */
#if defined(__linux__) && !defined(MIC_NO_TCP_INFO)
#define KEPT_SOCKET_TELLS 1
#else
#define KEPT_SOCKET_TELLS 0
#endif

MIC_PRIVATE_BEGIN

enum { KEPT_ADDRESS_SIZE = 46 }; /* the longest IPv6 address as text */

struct kept_socket {
  int descriptor;       /* owned by libcurl */
  unsigned long number; /* starts at 1; unique within a multi handle */
  int local_port;       /* 0 until looked up */
  int remote_port;
  char remote_ip[KEPT_ADDRESS_SIZE];
  bool on_loopback; /* remote_ip is an address of this machine */
  unsigned users;   /* requests in flight on it */
  unsigned logins;  /* of these, logins and refreshes */
  uint64_t origin;  /* that it was opened for: a digest of scheme, host and port */
  bool is_http1;    /* it has carried an HTTP/1.x answer */
  bool went_away;   /* a GOAWAY was received */
  bool spoiled;     /* bytes followed the end of an answer */
  bool wipes;       /* the TLS library wipes plaintext that was read */
  double heard;     /* idle_clock_now of the last bytes received, unless KEPT_SOCKET_TELLS */
};

struct kept_sockets {
  struct kept_socket *list; /* owned */
  size_t count, capacity;
  unsigned long last_number;
  struct list sent; /* of exchanges, borrowed: see exchange_listen */
};

/* Turns on TCP keepalive for the connections of this handle. */
CURLcode kept_sockets_probe(CURL *easy);
/* Opens a socket for libcurl and records it. The kernel drops the connection if sent data is not
   acknowledged within `unacknowledged` seconds. CURL_SOCKET_BAD with errno on failure. */
curl_socket_t kept_sockets_open(struct kept_sockets *sockets, const struct curl_sockaddr *address,
                                double unacknowledged, uint64_t origin);
/* CURLOPT_CLOSESOCKETFUNCTION; the context is the kept_sockets. */
int kept_sockets_cb_close(void *context, curl_socket_t descriptor);
/* The entry of the connection with these ends, or NULL. The pointer is valid until another socket
   is opened or closed; keep the number instead. */
struct kept_socket *kept_sockets_between(struct kept_sockets *sockets, int local_port,
                                         const char *remote_ip, int remote_port);
/* NULL if it is closed. */
struct kept_socket *kept_sockets_find(const struct kept_sockets *sockets, unsigned long number);
/* The connection that the transfer uses or last used; NULL if it is closed. */
struct kept_socket *kept_sockets_of(struct kept_sockets *sockets, CURL *easy);
void kept_sockets_clear(struct kept_sockets *sockets); /* closes no socket */

/* True if nothing was received in the last `seconds`. */
bool kept_socket_is_silent(const struct kept_socket *socket, double seconds);
/* True if there is something to read: a byte, the end or an error. */
bool kept_socket_has_input(int descriptor);
/* True if the peer closed or reset the connection and all bytes before that were read. */
bool kept_socket_has_ended(int descriptor);
/* Total bytes written to the connection; negative if unknown. */
double kept_socket_written(int descriptor);
/* Shuts the connection down in both directions. libcurl notices when it next checks it. */
void kept_socket_end(int descriptor);

MIC_PRIVATE_END
#endif
