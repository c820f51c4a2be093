#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "escape.h"
#include "loopback.h"
#include "url.h"
#include "url_path.h"

const char url_no_memory[] = "cannot be kept: out of memory";
static const char unreadable[] = "is not a valid URL; expected https://host/stage";

static char *get_part(CURLU *url, CURLUPart part, unsigned flags) {
  char *text = NULL;
  return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/* Also true if out of memory, to be on the safe side. */
static bool has_part(CURLU *url, CURLUPart part) {
  char *text = NULL;
  CURLUcode code = curl_url_get(url, part, &text, 0);
  curl_free(text);
  return code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY;
}

/* The text after "scheme://"; NULL if there is no such start. */
static const char *after_scheme(const char *text) {
  const char *colon = strchr(text, ':');
  return colon != NULL && strncmp(colon, "://", 3) == 0 ? colon + 3 : NULL;
}

/* Rejects what versions of libcurl parse differently. libcurl decodes a host name once, so parsing
   the result again may yield another host. Only a bracketed address may have a '%', before its
   zone. */
static const char *authority_problem(const char *text) {
  const char *host = after_scheme(text);
  while (*host == '/') /* libcurl accepts up to three */
    host++;
  size_t length = strcspn(host, "/?#");
  if (memchr(host, '@', length) != NULL)
    return "must not contain a user name or password";
  if (*host != '[' && memchr(host, '%', length) != NULL)
    return "must not have a percent-encoded host name";
  return memchr(host, '\\', length) == NULL ? NULL : unreadable;
}

/* ---- base URL ---- */

static const char *read_parts(struct url_base *base, CURLU *url) {
  base->scheme = get_part(url, CURLUPART_SCHEME, 0);
  base->host = get_part(url, CURLUPART_HOST, 0);
  base->port = get_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  base->zone = get_part(url, CURLUPART_ZONEID, 0);
  if (base->scheme == NULL)
    return url_no_memory;
  bool cleartext = strcmp(base->scheme, "http") == 0;
  if (!cleartext && strcmp(base->scheme, "https") != 0)
    return "must begin with https://";
  if (base->host == NULL && !has_part(url, CURLUPART_HOST))
    return unreadable;
  if (base->host == NULL || base->port == NULL ||
      (base->zone == NULL && has_part(url, CURLUPART_ZONEID)))
    return url_no_memory;
  base->cleartext_loopback = cleartext && loopback_host(base->host);
  if (cleartext && !base->cleartext_loopback && !base->allow_insecure)
    return "must begin with https://: plain http would send the secrets unencrypted; it is allowed "
           "only for loopback hosts, or with allow_insecure = true";
  return NULL;
}

static const char *read_base(struct url_base *base, CURLU *url, const char *text) {
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
  if (code == CURLUE_OUT_OF_MEMORY)
    return url_no_memory;
  if (code != CURLUE_OK)
    return unreadable;
  const char *problem = read_parts(base, url);
  if (problem != NULL)
    return problem;
  if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
    return "must not contain ? or #";
  char *path = get_part(url, CURLUPART_PATH, 0);
  if (path == NULL)
    return url_no_memory;
  problem = url_path_problem(path, strlen(path));
  curl_free(path);
  if (problem != NULL)
    return "has an invalid path (\".\", \"..\", \"\\\" or invalid characters)";
  base->root = get_part(url, CURLUPART_URL, 0);
  if (base->root == NULL)
    return url_no_memory;
  size_t length = strlen(base->root);
  while (length > 0 && base->root[length - 1] == '/')
    base->root[--length] = '\0';
  return NULL;
}

const char *url_base_set(struct url_base *base, const char *text, size_t length,
                         bool allow_insecure) {
  if (length == 0)
    return "is empty; expected https://host/stage";
  if (length > 2048)
    return "is longer than 2048 bytes";
  if (!ascii_is_visible(text, length))
    return "has a space, a control byte or a non-ASCII byte";
  char copy[2049];
  memcpy(copy, text, length);
  copy[length] = '\0';
  if (after_scheme(copy) == NULL)
    return "must begin with https://";
  if (copy[strcspn(copy, "?#")] != '\0')
    return "must not contain ? or #";
  const char *problem = authority_problem(copy);
  if (problem != NULL)
    return problem;
  CURLU *url = curl_url();
  if (url == NULL)
    return url_no_memory;
  base->allow_insecure = allow_insecure;
  problem = read_base(base, url, copy);
  curl_url_cleanup(url);
  if (problem != NULL)
    url_base_clear(base);
  return problem;
}

void url_base_clear(struct url_base *base) {
  curl_free(base->root);
  curl_free(base->scheme);
  curl_free(base->host);
  curl_free(base->port);
  curl_free(base->zone);
  memset(base, 0, sizeof *base);
}

/* ---- join ---- */

/* Puts a NUL behind the text. False if an append failed. */
static bool end_text(struct buffer *text) {
  buffer_append(text, "", 1);
  text->length -= text->failed ? 0 : 1;
  return !text->failed;
}

bool url_join(const struct url_base *base, const char *path, size_t length, struct buffer *text) {
  buffer_clear(text, text->limit);
  buffer_append_text(text, base->root);
  buffer_append(text, path, length);
  return end_text(text);
}

bool url_append_query(struct buffer *text, const char *name, const char *value, size_t length) {
  buffer_append(text, memchr(text->data, '?', text->length) != NULL ? "&" : "?", 1);
  buffer_append_text(text, name);
  buffer_append(text, "=", 1);
  escape_append(text, value, length, false);
  return end_text(text);
}

/* The end of the query member that starts at `at`: the next '&', or the end of the text. */
static size_t member_end(const struct buffer *text, size_t at) {
  const char *next = memchr(text->data + at, '&', text->length - at);
  return next == NULL ? text->length : (size_t)(next - text->data);
}

static bool is_member(const struct buffer *text, size_t at, size_t end, const char *name) {
  size_t length = strlen(name);
  return end - at >= length && ascii_alike(text->data + at, name, length) &&
         (end - at == length || text->data[at + length] == '=');
}

void url_drop_query(struct buffer *text, const char *name) {
  const char *mark = memchr(text->data, '?', text->length);
  if (mark == NULL)
    return;
  size_t at = (size_t)(mark - text->data) + 1;
  while (at < text->length) {
    size_t end = member_end(text, at);
    if (!is_member(text, at, end, name)) {
      at = end + 1;
      continue;
    }
    /* Also removes the '&' after it; for the last member, the '?' or '&' before it. */
    size_t from = end < text->length ? at : at - 1;
    size_t to = end < text->length ? end + 1 : end;
    memmove(text->data + from, text->data + to, text->length + 1 - to);
    text->length -= to - from;
  }
}

/* URL_OK if a part is `wanted`; NULL: if it is absent. */
static enum url_status compare_part(CURLU *url, CURLUPart part, unsigned flags,
                                    const char *wanted) {
  char *text = NULL;
  CURLUcode code = curl_url_get(url, part, &text, flags);
  if (code == CURLUE_OUT_OF_MEMORY)
    return URL_NO_MEMORY;
  bool there = code == CURLUE_OK && text != NULL;
  bool same = there == (wanted != NULL) && (!there || ascii_equal(text, wanted));
  curl_free(text);
  return same ? URL_OK : URL_ELSEWHERE;
}

static enum url_status compare_origin(const struct url_base *base, CURLU *url) {
  enum url_status status = compare_part(url, CURLUPART_SCHEME, 0, base->scheme);
  if (status == URL_OK)
    status = compare_part(url, CURLUPART_HOST, 0, base->host);
  if (status == URL_OK)
    status = compare_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, base->port);
  if (status == URL_OK)
    status = compare_part(url, CURLUPART_ZONEID, 0, base->zone);
  if (status == URL_OK)
    status = compare_part(url, CURLUPART_USER, 0, NULL);
  return status;
}

enum url_status url_parse(const char *text, CURLU **url) {
  *url = curl_url();
  if (*url == NULL)
    return URL_NO_MEMORY;
  CURLUcode code = curl_url_set(*url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
  if (code == CURLUE_OK)
    return URL_OK;
  curl_url_cleanup(*url);
  *url = NULL;
  return code == CURLUE_OUT_OF_MEMORY ? URL_NO_MEMORY : URL_UNREADABLE;
}

static const char *dot_problem(CURLU *url) {
  char *path = get_part(url, CURLUPART_PATH, 0);
  if (path == NULL)
    return url_no_memory;
  bool bad = url_has_dot_part(path, strlen(path), URL_PATH_DECODED);
  curl_free(path);
  return bad ? "must not have \".\" or \"..\" as a segment" : NULL;
}

const char *url_check(const struct url_base *base, const char *text, size_t length,
                      struct url_facts *facts) {
  if (!ascii_is_visible(text, length))
    return "has a space, a control byte or a non-ASCII byte: %20 is a space";
  if (after_scheme(text) == NULL)
    return "must be an absolute URL, https://host/path";
  if (strchr(text, '#') != NULL || strchr(text, '\\') != NULL)
    return "must not contain \"#\" or \"\\\"";
  const char *problem = authority_problem(text);
  if (problem != NULL)
    return problem;
  CURLU *url = NULL;
  enum url_status status = url_parse(text, &url);
  if (status != URL_OK)
    return status == URL_NO_MEMORY ? url_no_memory
                                   : "is not a valid URL; expected https://host/path";
  struct url_base parts = {.allow_insecure = base->allow_insecure};
  problem = read_parts(&parts, url);
  if (problem == NULL)
    problem = dot_problem(url);
  status = compare_origin(base, url);
  curl_url_cleanup(url);
  facts->cleartext_loopback = parts.cleartext_loopback;
  facts->same_origin = problem == NULL && status == URL_OK;
  url_base_clear(&parts);
  return problem == NULL && status == URL_NO_MEMORY ? url_no_memory : problem;
}

enum url_status url_parse_same_origin(const struct url_base *base, const char *text, CURLU **url) {
  enum url_status status = url_parse(text, url);
  if (status == URL_OK)
    status = compare_origin(base, *url);
  if (status == URL_OK)
    return URL_OK;
  curl_url_cleanup(*url);
  *url = NULL;
  return status;
}

enum url_status url_parse_again(struct url_parsed *last, const struct url_base *base,
                                const struct buffer *text) {
  if (base != NULL && last->url != NULL && last->text.length == text->length &&
      memcmp(last->text.data, text->data, text->length) == 0)
    return URL_OK;
  url_parsed_clear(last);
  if (base == NULL)
    return url_parse(text->data, &last->url);
  buffer_init(&last->text, text->limit, true);
  enum url_status status = url_parse_same_origin(base, text->data, &last->url);
  if (status == URL_OK && buffer_append(&last->text, text->data, text->length) != BUFFER_OK)
    status = URL_NO_MEMORY;
  if (status != URL_OK)
    url_parsed_clear(last);
  return status;
}

void url_parsed_clear(struct url_parsed *last) {
  curl_url_cleanup(last->url);
  last->url = NULL;
  buffer_free(&last->text);
}

enum url_status url_compare(const struct url_base *base, const char *text) {
  CURLU *url = NULL;
  enum url_status status = url_parse_same_origin(base, text, &url);
  curl_url_cleanup(url);
  return status;
}
