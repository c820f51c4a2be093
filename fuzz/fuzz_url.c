/* Fuzz target for url: the input is four lines, a base URL, a path or URL, the name and the value
   of a query member. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <strings.h>

#include "dots.h"
#include "text/buffer.h"
#include "text/url.h"
#include "text/url_path.h"

enum { TEXT_MAX = 64 * 1024 };

static bool is_plain(const char *text) {
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text >= 0x7f)
      return false;
  return true;
}

/* ---- origins, parsed by libcurl without url.c ---- */

struct origin {
  char *scheme, *host, *port, *zone, *user, *password, *path, *query, *fragment;
};

static char *part_of(CURLU *url, CURLUPart part, unsigned flags) {
  char *text = NULL;
  return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool read_origin(const char *text, struct origin *origin) {
  CURLU *url = curl_url();
  CHECK(url);
  bool good = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK;
  if (good) {
    origin->scheme = part_of(url, CURLUPART_SCHEME, 0);
    origin->host = part_of(url, CURLUPART_HOST, 0);
    origin->port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    origin->zone = part_of(url, CURLUPART_ZONEID, 0);
    origin->user = part_of(url, CURLUPART_USER, 0);
    origin->password = part_of(url, CURLUPART_PASSWORD, 0);
    origin->path = part_of(url, CURLUPART_PATH, 0);
    origin->query = part_of(url, CURLUPART_QUERY, 0);
    origin->fragment = part_of(url, CURLUPART_FRAGMENT, 0);
  }
  curl_url_cleanup(url);
  return good;
}

static void free_origin(struct origin *origin) {
  char *parts[] = {origin->scheme,   origin->host, origin->port,  origin->zone,    origin->user,
                   origin->password, origin->path, origin->query, origin->fragment};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    curl_free(parts[i]);
}

static bool same_text(const char *a, const char *b) {
  return a && b && strcasecmp(a, b) == 0;
}

static bool same_origin(const struct origin *a, const struct origin *b) {
  return same_text(a->scheme, b->scheme) && same_text(a->host, b->host) &&
         same_text(a->port, b->port) && (same_text(a->zone, b->zone) || (!a->zone && !b->zone));
}

/* Reference for what may be sent without TLS. */
static bool is_this_machine(const char *host) {
  size_t length = strlen(host);
  const char *end = length > 10 ? host + length - 10 : "";
  struct in_addr v4;
  return same_text(host, "localhost") || same_text(end, ".localhost") || same_text(host, "[::1]") ||
         (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static void check_secure(const struct origin *origin, bool allow_insecure, bool loopback) {
  bool https = same_text(origin->scheme, "https");
  CHECK(https || same_text(origin->scheme, "http"));
  CHECK(!origin->user && !origin->password);
  CHECK(loopback == (!https && is_this_machine(origin->host)));
  CHECK(https || loopback || allow_insecure);
}

/* ---- query members ---- */

/* Iterates over the query members. False at the end. */
static bool next_member(const char **at, const char **member, size_t *length) {
  if (!*at)
    return false;
  *member = *at;
  *length = strcspn(*at, "&");
  *at = (*at)[*length] == '&' ? *at + *length + 1 : NULL;
  return true;
}

static const char *query_of(const char *text) {
  const char *mark = strchr(text, '?');
  return mark ? mark + 1 : NULL;
}

static bool is_named(const char *member, size_t length, const char *name) {
  size_t end = strcspn(member, "=&");
  return end <= length && end == strlen(name) && strncasecmp(member, name, end) == 0;
}

/* After dropping, all members but those of that name are left unchanged. */
static void check_dropped(const char *before, const char *after, const char *name) {
  size_t head = strcspn(before, "?");
  CHECK(strncmp(before, after, head) == 0 && (after[head] == '?' || after[head] == '\0'));
  const char *old = query_of(before), *kept = query_of(after);
  const char *member, *left;
  size_t length, left_length;
  while (next_member(&old, &member, &length)) {
    if (is_named(member, length, name))
      continue;
    bool there = next_member(&kept, &left, &left_length);
    /* The '?' goes with the last member. */
    CHECK(there || length == 0);
    if (there)
      CHECK(length == left_length && memcmp(member, left, length) == 0);
  }
  CHECK(!next_member(&kept, &left, &left_length));
}

static void check_drop(const char *text, const char *name) {
  struct buffer buffer;
  buffer_init(&buffer, TEXT_MAX, false);
  CHECK(buffer_append(&buffer, text, strlen(text) + 1) == BUFFER_OK);
  buffer.length--;
  url_drop_query(&buffer, name);
  CHECK(buffer.data[buffer.length] == '\0' && strlen(buffer.data) == buffer.length);
  check_dropped(text, buffer.data, name);
  buffer_free(&buffer);
}

/* The appended member is the last one, and decodes to the value. */
static void check_append(const struct url_base *base, struct buffer *text, const char *name,
                         const char *value, size_t length) {
  char *before = exact_copy(text->data, text->length + 1);
  size_t before_length = text->length;
  CHECK(url_append_query(text, name, value, length));
  CHECK(strlen(text->data) == text->length);
  CHECK(strncmp(text->data, before, before_length) == 0);
  CHECK(text->data[before_length] == (strchr(before, '?') ? '&' : '?'));
  const char *member = text->data + before_length + 1;
  size_t name_length = strlen(name);
  CHECK(strncmp(member, name, name_length) == 0 && member[name_length] == '=');
  const char *encoded = member + name_length + 1;
  CHECK(!strpbrk(encoded, "&#?=+ /") && is_plain(encoded));
  int decoded_length = 0;
  char *decoded = curl_easy_unescape(NULL, encoded, (int)strlen(encoded), &decoded_length);
  CHECK(decoded && (size_t)decoded_length == length);
  CHECK(length == 0 || memcmp(decoded, value, length) == 0);
  curl_free(decoded);
  CHECK(url_compare(base, text->data) == URL_OK);
  check_drop(text->data, name);
  free(before);
}

/* ---- checks ---- */

static void check_join(const struct url_base *base, const struct origin *root, const char *path,
                       size_t length, const char *name, const char *value, size_t value_length) {
  struct buffer text;
  buffer_init(&text, TEXT_MAX, false);
  CHECK(url_join(base, path, length, &text));
  CHECK(strlen(text.data) == text.length);
  struct origin joined = {0};
  CHECK(read_origin(text.data, &joined));
  CHECK(same_origin(&joined, root) && !joined.user && !joined.password && !joined.fragment);
  /* The path starts with the stage, and is otherwise unchanged. */
  size_t stage = strcmp(root->path, "/") == 0 ? 0 : strlen(root->path);
  size_t plain = strcspn(path, "?");
  CHECK(strncmp(joined.path, root->path, stage) == 0);
  CHECK(strlen(joined.path) == stage + plain && strncmp(joined.path + stage, path, plain) == 0);
  CURLU *url = NULL;
  CHECK(url_parse_same_origin(base, text.data, &url) == URL_OK && url);
  curl_url_cleanup(url);
  check_drop(text.data, name);
  check_append(base, &text, name, value, value_length);
  free_origin(&joined);
  buffer_free(&text);
}

/* No URL of another origin passes as one of this origin. */
static void check_url(const struct url_base *base, const struct origin *root, const char *text,
                      size_t length, const char *name) {
  struct url_facts facts = {0};
  struct origin origin = {0};
  const char *problem = url_check(base, text, length, &facts);
  CHECK(!problem || problem[0]);
  bool readable = read_origin(text, &origin);
  if (url_compare(base, text) == URL_OK)
    CHECK(readable && same_origin(&origin, root) && !origin.user);
  if (!problem) {
    CHECK(readable && strlen(text) == length && is_plain(text) && !origin.fragment);
    check_secure(&origin, base->allow_insecure, facts.cleartext_loopback);
    CHECK(facts.same_origin == same_origin(&origin, root));
    CHECK(!has_dots(origin.path, strlen(origin.path)));
    check_drop(text, name);
  }
  free_origin(&origin);
}

static void check_base(const char *text, size_t length, bool allow_insecure, char *const *rest,
                       const size_t *lengths) {
  struct url_base base = {0};
  const char *problem = url_base_set(&base, text, length, allow_insecure);
  CHECK(!problem || problem[0]);
  if (problem) {
    CHECK(!base.root && !base.scheme && !base.host && !base.port);
    return;
  }
  struct origin root = {0};
  CHECK(read_origin(base.root, &root));
  CHECK(is_plain(base.root) && !root.query && !root.fragment);
  CHECK(base.root[strlen(base.root) - 1] != '/');
  CHECK(same_text(root.scheme, base.scheme) && same_text(root.host, base.host) &&
        same_text(root.port, base.port));
  check_secure(&root, allow_insecure, base.cleartext_loopback);
  CHECK(url_compare(&base, base.root) == URL_OK);
  const char *path_problem = url_path_problem(rest[0], lengths[0]);
  CHECK(!path_problem || path_problem[0]);
  CHECK(path_problem || !has_dots(rest[0], strcspn(rest[0], "?")));
  bool is_name = rest[1][0] != '\0' && is_plain(rest[1]) && !strpbrk(rest[1], "&=#?");
  const char *name = is_name ? rest[1] : "identityId";
  if (!path_problem)
    check_join(&base, &root, rest[0], lengths[0], name, rest[2], lengths[2]);
  check_url(&base, &root, rest[0], lengths[0], name);
  free_origin(&root);
  url_base_clear(&base);
  CHECK(!base.root && !base.host);
}

/* One line of the input as a string; the last one takes the rest. */
static char *take_line(const char **data, size_t *size, bool last, size_t *length) {
  const char *feed = last || *size == 0 ? NULL : memchr(*data, '\n', *size);
  *length = feed ? (size_t)(feed - *data) : *size;
  char *line = malloc(*length + 1);
  CHECK(line);
  memcpy(line, *data, *length);
  line[*length] = '\0';
  size_t used = *length + (feed ? 1 : 0);
  *data += used;
  *size -= used;
  return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *left = (const char *)data;
  size_t base_length, lengths[3];
  if (size == 0)
    return 0;
  char *base = take_line(&left, &size, false, &base_length);
  char *rest[3];
  for (size_t i = 0; i < 3; i++)
    rest[i] = take_line(&left, &size, i == 2, &lengths[i]);
  check_base(base, base_length, false, rest, lengths);
  check_base(base, base_length, true, rest, lengths);
  free(base);
  for (size_t i = 0; i < 3; i++)
    free(rest[i]);
  return 0;
}
