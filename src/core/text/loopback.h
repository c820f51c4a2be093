/* Loopback addresses and names: addresses as inet_pton reads them, and the names that RFC 6761
   reserves. */
#ifndef MIC_LOOPBACK_H
#define MIC_LOOPBACK_H

#include <sys/socket.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* True if a URL's host is loopback: 127.0.0.0/8, [::1], localhost, *.localhost. False for hosts
   that only some systems treat as loopback: a name with a trailing dot, an IPv4 address inside an
   IPv6 one. */
bool loopback_host(const char *host);
/* True if the host may still lead to this machine: also the ambiguous hosts above, and unspecified
   addresses. */
bool loopback_may_be(const char *host);

/* The same for an address as text without brackets, and for the address of a socket. */
bool loopback_address(const char *address);
bool loopback_socket(const struct sockaddr *address);

MIC_PRIVATE_END
#endif
