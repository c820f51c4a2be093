/* What is this machine: addresses as inet_pton reads them, and the names that RFC 6761 reserves. */
#ifndef MIC_LOOPBACK_H
#define MIC_LOOPBACK_H

#include <sys/socket.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Whether a URL's host is loopback: 127.0.0.0/8, [::1], localhost, *.localhost. What is loopback to
   some systems only is none: a name with a dot at its end, an IPv4 address inside an IPv6 one. */
bool loopback_host(const char *host);
/* Whether it may lead to this machine all the same: also those, and the unspecified addresses. */
bool loopback_may_be(const char *host);

/* The same of an address as text, without brackets, and of a socket's. */
bool loopback_address(const char *address);
bool loopback_socket(const struct sockaddr *address);

MIC_PRIVATE_END
#endif
