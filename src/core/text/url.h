/* URLs, read with the parser that sends them: the base URL, joining a path to it so that the origin
   cannot change, the origin of a redirect. */
#ifndef MIC_URL_H
#define MIC_URL_H

#include <curl/curl.h>

#include "../base.h"
#include "buffer.h"

MIC_PRIVATE_BEGIN

struct url_base {
  char *root;   /* "https://host[:port]/stage", no slash at the end; owned */
  char *scheme; /* owned, from libcurl, as the next three */
  char *host;
  char *port;
  char *zone;              /* of a link-local address; NULL when there is none */
  bool allow_insecure;     /* http to other machines too */
  bool cleartext_loopback; /* http to this machine: no proxy */
};

/* NULL when fine, else what is wrong with the URL, as a phrase after "base_url ". */
const char *url_base_set(struct url_base *base, const char *text, size_t length,
                         bool allow_insecure);
void url_base_clear(struct url_base *base);

/* Appends root and path to `text` (emptied first) as a NUL-terminated string; the NUL is not
   counted. The path must have passed url_path_problem. */
bool url_join(const struct url_base *base, const char *path, size_t length, struct buffer *text);
/* Appends "?name=value" or "&name=value", percent-encoded, to what url_join made. */
bool url_append_query(struct buffer *text, const char *name, const char *value, size_t length);
/* Takes every query member of this name out; the rest stays as it was. */
void url_drop_query(struct buffer *text, const char *name);
enum url_status { URL_OK, URL_UNREADABLE, URL_ELSEWHERE, URL_NO_MEMORY };

/* Parses `text` for libcurl; the caller owns the handle, which is NULL on anything but URL_OK. */
enum url_status url_parse(const char *text, CURLU **url);
/* The same, of the base's origin only. */
enum url_status url_parse_same_origin(const struct url_base *base, const char *text, CURLU **url);
/* URL_OK when it is of the base's origin. */
enum url_status url_compare(const struct url_base *base, const char *text);
/* What the functions that return a problem return when there is no memory: this very text. */
extern const char url_no_memory[];
/* A URL and its text, kept because the next caller often asks for the same. */
struct url_parsed {
  struct buffer text; /* may hold the identity; empty for a URL without a base */
  CURLU *url;         /* owned; NULL while there is none */
};

/* url_parse_same_origin, or url_parse without a base, into `last`; what it holds already for the
   same text and base stays. */
enum url_status url_parse_again(struct url_parsed *last, const struct url_base *base,
                                const struct buffer *text);
void url_parsed_clear(struct url_parsed *last);

/* What a URL that is not below the base would mean. */
struct url_facts {
  bool same_origin;
  bool cleartext_loopback;
};

/* NULL when this absolute URL may be fetched, else what is wrong, as a phrase after "url ". */
const char *url_check(const struct url_base *base, const char *text, size_t length,
                      struct url_facts *facts);

MIC_PRIVATE_END
#endif
