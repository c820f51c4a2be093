/* Where the answer of one URL may lead: what a Location means, and where none may go. */
#ifndef MIC_REDIRECT_H
#define MIC_REDIRECT_H

#include <curl/curl.h>

#include "../base.h"
#include "../text/url.h"

MIC_PRIVATE_BEGIN

/* The absolute URL that the first Location in the head of a page's answer means, for the caller to
   free; NULL where there is none. Not what libcurl makes of it: its versions differ. URL_UNREADABLE
   with the location as it came when it is none of http or https. */
enum url_status redirect_read(CURLU *page, const char *head, size_t length, char **found);

/* The page whose answer holds a location. */
struct redirect_page {
  const char *url;  /* NULL: nobody was redirected */
  bool on_loopback; /* it came from this machine, whatever its name */
};

/* NULL when the page may lead to this URL, else what is wrong, as a phrase after "url ". `guarded`
   true: the connection that is made must not go to this machine either. */
const char *redirect_problem(const struct redirect_page *page, const char *url, bool *guarded);

MIC_PRIVATE_END
#endif
