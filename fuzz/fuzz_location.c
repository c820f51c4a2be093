/* Fuzz target for redirect_target: the input is two lines, the URL of a page and the Location of
   its answer. */
#include "fuzz.h"

#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#include "dots.h"
#include "text/url.h"
#include "transfer/redirect_target.h"

static char *part_of(const char *text, CURLUPart part) {
  CURLU *url = curl_url();
  char *found = NULL;
  CHECK(url);
  if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK)
    curl_url_get(url, part, &found, CURLU_DEFAULT_PORT);
  curl_url_cleanup(url);
  return found;
}

static bool same_part(const char *one, const char *other, CURLUPart part) {
  char *first = part_of(one, part), *second = part_of(other, part);
  bool same = first && second && strcasecmp(first, second) == 0;
  curl_free(first);
  curl_free(second);
  return same;
}

static bool is_same_origin(const char *one, const char *other) {
  return same_part(one, other, CURLUPART_SCHEME) && same_part(one, other, CURLUPART_HOST) &&
         same_part(one, other, CURLUPART_PORT);
}

/* True if connecting to this address reaches this machine, according to getaddrinfo. */
static bool is_own_address(const char *host) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char copy[128];
  size_t length = strlen(host);
  bool brackets = length > 2 && host[0] == '[';
  snprintf(copy, sizeof copy, "%.*s", (int)(brackets ? length - 2 : length),
           brackets ? host + 1 : host);
  if (getaddrinfo(copy, NULL, &hints, &found) != 0)
    return false;
  bool own = false;
  if (found->ai_family == AF_INET) {
    uint32_t top = ntohl(((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr.s_addr) >> 24;
    own = top == 127 || top == 0;
  } else if (found->ai_family == AF_INET6) {
    const struct in6_addr *v6 = &((struct sockaddr_in6 *)(void *)found->ai_addr)->sin6_addr;
    bool mapped = IN6_IS_ADDR_V4MAPPED(v6) && (v6->s6_addr[12] == 127 || v6->s6_addr[12] == 0);
    own = IN6_IS_ADDR_LOOPBACK(v6) || IN6_IS_ADDR_UNSPECIFIED(v6) || mapped;
  }
  freeaddrinfo(found);
  return own;
}

static bool is_own(const char *text) {
  char *host = part_of(text, CURLUPART_HOST);
  CHECK(host);
  size_t length = strlen(host);
  bool own = is_own_address(host) || strcasecmp(host, "localhost") == 0 ||
             (length > 10 && strcasecmp(host + length - 10, ".localhost") == 0);
  curl_free(host);
  return own;
}

/* A redirect that is followed never leads to less trust, never from another machine to this one,
   and has no dot segments. */
static void check_followed(const char *page, const char *found) {
  struct url_base base = {.allow_insecure = true};
  struct url_facts facts = {0};
  struct redirect_page from = {.url = page};
  bool guarded = false;
  if (url_check(&base, found, strlen(found), &facts) || redirect_problem(&from, found, &guarded))
    return;
  char *scheme = part_of(found, CURLUPART_SCHEME), *before = part_of(page, CURLUPART_SCHEME);
  char *path = part_of(found, CURLUPART_PATH);
  CHECK(scheme && before && path);
  CHECK(strcmp(scheme, "https") == 0 ||
        (strcmp(scheme, "http") == 0 && strcmp(before, "http") == 0));
  CHECK(!is_own(found) || is_own(page));
  CHECK(guarded || is_same_origin(page, found) || is_own(page));
  CHECK(!has_dots(path, strlen(path)));
  curl_free(scheme);
  curl_free(before);
  curl_free(path);
}

/* True if the text starts with a URI scheme, whatever libcurl makes of it. */
static bool has_scheme(const char *text) {
  size_t length = strcspn(text, ":/?#");
  bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';
  if (text[length] != ':' || !letter)
    return false;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];
    bool digit = byte >= '0' && byte <= '9';
    bool alpha = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    if (!alpha && !digit && !strchr("+-.", byte))
      return false;
  }
  return true;
}

static bool is_http(const char *text) {
  return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

/* `location` is NULL if the head has further lines, which may hold another Location. */
static void check_location(const char *page, const char *head, size_t length,
                           const char *location) {
  CURLU *url = NULL;
  char *found = NULL;
  CHECK(url_parse(page, &url) == URL_OK);
  enum url_status status = redirect_read(url, head, length, &found);
  curl_url_cleanup(url);
  CHECK(status == URL_OK || status == URL_UNREADABLE);
  if (status == URL_OK && found) {
    CHECK(is_http(found));
    /* A reference without scheme and host stays on the origin. */
    if (location && !has_scheme(location) && location[0] != '/' && location[0] != '\\')
      CHECK(is_same_origin(page, found));
    CHECK(!location || !has_scheme(location) || is_http(location));
    check_followed(page, found);
  }
  free(found);
}

/* True if a request may have gone to this URL. */
static bool is_page(const char *text, size_t length) {
  struct url_base base = {0};
  struct url_facts facts;
  static const char other[] = "https://example.com";
  CHECK(url_base_set(&base, other, sizeof other - 1, true) == NULL);
  bool good = url_check(&base, text, length, &facts) == NULL;
  url_base_clear(&base);
  return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char name[] = "HTTP/1.1 302 Found\r\nLocation: ";
  const uint8_t *feed = size > 0 ? memchr(data, '\n', size) : NULL;
  if (!feed)
    return 0;
  size_t page_length = (size_t)(feed - data), length = size - page_length - 1;
  char *page = exact_copy(data, page_length + 1);
  page[page_length] = '\0';
  char *head = malloc(sizeof name + length);
  CHECK(head);
  memcpy(head, name, sizeof name - 1);
  memcpy(head + sizeof name - 1, feed + 1, length);
  /* The location without blanks around it, up to the end of its line. */
  char *location = malloc(length + 1);
  CHECK(location);
  size_t start = 0, end = 0;
  while (start < length && (feed[1 + start] == ' ' || feed[1 + start] == '\t'))
    start++;
  for (end = start; end < length && feed[1 + end] != '\n';)
    end++;
  memcpy(location, feed + 1 + start, end - start);
  location[end - start] = '\0';
  if (strlen(page) == page_length && is_page(page, page_length) && strlen(location) == end - start)
    check_location(page, head, sizeof name - 1 + length, end < length ? NULL : location);
  free(location);
  free(head);
  free(page);
  return 0;
}
