/* Target of a redirect: reads a Location, and says which targets are forbidden. */
#ifndef MIC_REDIRECT_TARGET_H
#define MIC_REDIRECT_TARGET_H

#include <curl/curl.h>

#include "../base.h"
#include "../text/url.h"

MIC_PRIVATE_BEGIN

/* Reads the first Location of an answer's head as an absolute URL. The caller frees it; NULL if
   there is none. libcurl's own result differs between versions. URL_UNREADABLE, with the location
   as received, if it is not http or https. */
enum url_status redirect_read(CURLU *page, const char *head, size_t length, char **found);

/* The page that redirects. */
struct redirect_page {
  const char *url;  /* NULL: no redirect */
  bool on_loopback; /* it came from this machine, whatever its name */
};

/* NULL if the redirect is allowed, else what is wrong, as a phrase after "url ". *guarded: the new
   connection must not go to this machine. */
const char *redirect_problem(const struct redirect_page *page, const char *url, bool *guarded);

MIC_PRIVATE_END
#endif
