/* Preloaded library: a libcurl whose TLS library cannot pin keys. */
#include <curl/curl.h>
#include <stdarg.h>

#include "real_libcurl.h"

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  CURLcode (*set)(CURL *, CURLoption, ...) = NULL;
  CURLcode code = CURLE_NOT_BUILT_IN;
  *(void **)&set = real_libcurl("curl_easy_setopt");
  va_list list;
  va_start(list, option);
  if (option / 10000 == CURLOPTTYPE_OFF_T / 10000)
    code = set(easy, option, va_arg(list, curl_off_t));
  else if (option / 10000 == CURLOPTTYPE_LONG / 10000)
    code = set(easy, option, va_arg(list, long));
  else if (option != CURLOPT_PINNEDPUBLICKEY)
    code = set(easy, option, va_arg(list, void *));
  va_end(list);
  return code;
}
