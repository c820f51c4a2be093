#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "../text/loopback.h"
#include "redirect_target.h"

/* ---- read a Location ---- */

static bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Length of the URI scheme (RFC 3986) at the start of a text; 0 if the reference is relative. */
static size_t scheme_length(const char *text) {
  static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
  size_t length = is_letter(text[0]) ? strspn(text, more) : 0;
  return text[length] == ':' ? length : 0;
}

/* Versions of libcurl differ in which schemes and texts they take for a path. */
static bool is_foreign(const char *location) {
  size_t length = scheme_length(location);
  if (length == 0)
    return false;
  bool http = (length == 4 && ascii_alike(location, "http", 4)) ||
              (length == 5 && ascii_alike(location, "https", 5));
  return !http || strncmp(location + length, "://", 3) != 0;
}

static enum url_status status_of(CURLUcode code) {
  if (code == CURLUE_OK)
    return URL_OK;
  return code == CURLUE_OUT_OF_MEMORY ? URL_NO_MEMORY : URL_UNREADABLE;
}

static enum url_status resolve(CURLU *page, const char *location, char **found) {
  CURLU *url = curl_url_dup(page);
  char *whole = NULL;
  enum url_status status = URL_NO_MEMORY;
  if (url != NULL)
    status = status_of(curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE));
  if (status == URL_OK)
    status = status_of(curl_url_get(url, CURLUPART_URL, &whole, 0));
  if (status == URL_OK)
    *found = strdup(whole);
  if (status == URL_OK && *found == NULL)
    status = URL_NO_MEMORY;
  curl_free(whole);
  curl_url_cleanup(url);
  return status;
}

enum url_status redirect_read(CURLU *page, const char *head, size_t length, char **found) {
  struct header_field field;
  size_t offset = 0;
  bool there = false;
  *found = NULL;
  while (!there && header_next_named(head, length, "Location", &offset, &field))
    there = field.value_length > 0;
  if (!there)
    return URL_OK;
  char *text = strndup(field.value, field.value_length);
  if (text == NULL)
    return URL_NO_MEMORY;
  enum url_status status = is_foreign(text) ? URL_UNREADABLE : resolve(page, text, found);
  if (status == URL_UNREADABLE)
    *found = text;
  else
    free(text);
  return status;
}

/* ---- allowed targets ---- */

enum { SCHEME, HOST, PORT, PARTS };

/* The origins of a redirect. */
struct ends {
  char *from[PARTS], *to[PARTS];
};

static bool read_origin(CURLU *url, char *origin[PARTS]) {
  static const unsigned char parts[PARTS] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
  bool ok = true;
  for (size_t i = 0; i < PARTS && ok; i++)
    ok = curl_url_get(url, (CURLUPart)parts[i], &origin[i], CURLU_DEFAULT_PORT) == CURLUE_OK;
  return ok;
}

static void free_ends(struct ends *ends) {
  for (size_t i = 0; i < PARTS; i++) {
    curl_free(ends->from[i]);
    curl_free(ends->to[i]);
  }
}

static const char *problem_between(const struct redirect_page *page, const struct ends *ends,
                                   bool *guarded) {
  bool here = page->on_loopback || loopback_host(ends->from[HOST]);
  bool same = ascii_equal(ends->from[SCHEME], ends->to[SCHEME]) &&
              ascii_equal(ends->from[HOST], ends->to[HOST]) &&
              strcmp(ends->from[PORT], ends->to[PORT]) == 0;
  *guarded = !here && !same;
  if (ascii_equal(ends->from[SCHEME], "https") && !ascii_equal(ends->to[SCHEME], "https"))
    return "leads from https to http";
  if (!here && loopback_may_be(ends->to[HOST]))
    return "leads from another machine to this one";
  return NULL;
}

const char *redirect_problem(const struct redirect_page *page, const char *url, bool *guarded) {
  CURLU *from = NULL, *to = NULL;
  struct ends ends = {0};
  const char *problem = NULL;
  *guarded = false;
  if (page->url == NULL)
    return NULL;
  enum url_status status = url_parse(page->url, &from);
  if (status == URL_OK)
    status = url_parse(url, &to);
  if (status == URL_UNREADABLE)
    problem = "is not a valid URL; expected https://host/path";
  else if (status == URL_NO_MEMORY || !read_origin(from, ends.from) || !read_origin(to, ends.to))
    problem = url_no_memory;
  else
    problem = problem_between(page, &ends, guarded);
  free_ends(&ends);
  curl_url_cleanup(from);
  curl_url_cleanup(to);
  return problem;
}
