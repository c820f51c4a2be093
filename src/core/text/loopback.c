#include "../base.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ascii.h"
#include "loopback.h"

/* An IPv6 address; IPv4 is stored as ::ffff:a.b.c.d. */
struct address {
  unsigned char bytes[16];
  bool is_v4;
};

enum { V4_AT = 12 };
static const unsigned char v4_before[V4_AT] = {[10] = 0xff, [11] = 0xff};

static void set_v4(struct address *address, const void *bytes) {
  memcpy(address->bytes, v4_before, V4_AT);
  memcpy(address->bytes + V4_AT, bytes, 4);
  address->is_v4 = true;
}

/* Parses an address, with or without brackets. False for a name. */
static bool read_address(const char *text, size_t length, struct address *address) {
  char copy[INET6_ADDRSTRLEN + 2];
  struct in_addr v4;
  bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
  if (brackets) {
    text++;
    length -= 2;
  }
  if (length >= sizeof copy)
    return false;
  memcpy(copy, text, length);
  copy[length] = '\0';
  address->is_v4 = false;
  if (inet_pton(AF_INET6, copy, address->bytes) == 1)
    return true;
  /* libcurl normalises 127.1 to 127.0.0.1 only since 7.77. */
  if (brackets || inet_aton(copy, &v4) == 0)
    return false;
  set_v4(address, &v4);
  return true;
}

static bool is_v4_inside(const struct address *address) {
  static const unsigned char compatible[V4_AT] = {0};
  return memcmp(address->bytes, v4_before, V4_AT) == 0 ||
         memcmp(address->bytes, compatible, V4_AT) == 0;
}

static bool is_one(const struct address *address) {
  return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)address->bytes);
}

static bool is_loopback(const struct address *address) {
  return address->is_v4 ? address->bytes[V4_AT] == 127 : is_one(address);
}

/* Connecting to 0.0.0.0/8 or :: reaches this machine too. */
static bool may_be_here(const struct address *address) {
  if (is_one(address))
    return true;
  return is_v4_inside(address) && (address->bytes[V4_AT] == 127 || address->bytes[V4_AT] == 0);
}

static bool is_reserved_name(const char *host, size_t length) {
  static const char name[] = "localhost";
  const size_t end = sizeof name - 1;
  if (length < end || !ascii_is(host + length - end, end, name))
    return false;
  return length == end || (length > end + 1 && host[length - end - 1] == '.');
}

bool loopback_host(const char *host) {
  struct address address;
  size_t length = strlen(host);
  if (read_address(host, length, &address))
    return is_loopback(&address);
  return is_reserved_name(host, length);
}

bool loopback_may_be(const char *host) {
  struct address address;
  size_t length = strlen(host);
  if (length > 0 && host[length - 1] == '.')
    length--;
  if (read_address(host, length, &address))
    return may_be_here(&address);
  return is_reserved_name(host, length);
}

bool loopback_address(const char *text) {
  struct address address;
  return read_address(text, strlen(text), &address) &&
         (is_loopback(&address) || (is_v4_inside(&address) && address.bytes[V4_AT] == 127));
}

bool loopback_socket(const struct sockaddr *socket) {
  struct address address = {.is_v4 = false};
  if (socket->sa_family == AF_INET)
    set_v4(&address, &((const struct sockaddr_in *)(const void *)socket)->sin_addr);
  else if (socket->sa_family == AF_INET6)
    memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr, 16);
  else
    return false;
  return may_be_here(&address);
}
