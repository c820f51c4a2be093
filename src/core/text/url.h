/* URLs, parsed by the library that sends them: the base URL, joining a path without changing the
   origin, checking the URLs of redirects. */
#ifndef MIC_URL_H
#define MIC_URL_H

#include <curl/curl.h>

#include "../base.h"
#include "buffer.h"

MIC_PRIVATE_BEGIN

struct url_base {
  char *root;   /* "https://host[:port]/stage" without a trailing slash; owned */
  char *scheme; /* owned by us, freed with curl_free, like the next three */
  char *host;
  char *port;
  char *zone;              /* of a link-local address; or NULL */
  bool allow_insecure;     /* allows http to other machines */
  bool cleartext_loopback; /* http to this machine: no proxy is used */
};

/* NULL if valid, else what is wrong, as a phrase after "base_url ". */
const char *url_base_set(struct url_base *base, const char *text, size_t length,
                         bool allow_insecure);
void url_base_clear(struct url_base *base);

/* Sets `text` to root and path, with a NUL that is not counted. The path must be valid
   (url_path_problem). */
bool url_join(const struct url_base *base, const char *path, size_t length, struct buffer *text);
/* Appends "?name=value" or "&name=value", percent-encoded, to the result of url_join. */
bool url_append_query(struct buffer *text, const char *name, const char *value, size_t length);
/* Removes every query member of this name. */
void url_drop_query(struct buffer *text, const char *name);
enum url_status { URL_OK, URL_UNREADABLE, URL_ELSEWHERE, URL_NO_MEMORY };

/* Parses `text`. The caller owns the handle; NULL unless URL_OK. */
enum url_status url_parse(const char *text, CURLU **url);
/* The same; URL_ELSEWHERE if the origin is not that of the base. */
enum url_status url_parse_same_origin(const struct url_base *base, const char *text, CURLU **url);
/* URL_OK if the URL has the origin of the base. */
enum url_status url_compare(const struct url_base *base, const char *text);
/* The text that functions which return a problem use if out of memory; compare the pointer. */
extern const char url_no_memory[];
/* A parsed URL with its text, kept because the next call often uses the same URL. */
struct url_parsed {
  struct buffer text; /* may contain the identity; empty for a URL without a base */
  CURLU *url;         /* owned; or NULL */
};

/* url_parse_same_origin, or url_parse if `base` is NULL, with the result in `last`. Reuses it if
   the text is the same. */
enum url_status url_parse_again(struct url_parsed *last, const struct url_base *base,
                                const struct buffer *text);
void url_parsed_clear(struct url_parsed *last);

/* Facts about an absolute URL. */
struct url_facts {
  bool same_origin;
  bool cleartext_loopback;
};

/* NULL if this absolute URL may be fetched, else what is wrong, as a phrase after "url ". */
const char *url_check(const struct url_base *base, const char *text, size_t length,
                      struct url_facts *facts);

MIC_PRIVATE_END
#endif
