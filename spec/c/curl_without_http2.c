/* Preloaded library: a libcurl built without HTTP/2. */
#include <curl/curl.h>
#include <stdarg.h>

#include "real_libcurl.h"

#undef curl_easy_setopt

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  static CURLcode (*next)(CURL * easy, CURLoption option, ...);
  if (next == NULL)
    *(void **)&next = real_libcurl("curl_easy_setopt");
  va_list arguments;
  va_start(arguments, option);
  CURLcode code;
  if (option / 10000 == CURLOPTTYPE_OFF_T / 10000) {
    code = next(easy, option, va_arg(arguments, curl_off_t));
  } else if (option / 10000 == CURLOPTTYPE_LONG / 10000) {
    long value = va_arg(arguments, long);
    if (option == CURLOPT_HTTP_VERSION && value == CURL_HTTP_VERSION_NONE)
      value = CURL_HTTP_VERSION_1_1;
    code = option == CURLOPT_HTTP_VERSION && value >= CURL_HTTP_VERSION_2_0
               ? CURLE_UNSUPPORTED_PROTOCOL
               : next(easy, option, value);
  } else {
    code = next(easy, option, va_arg(arguments, void *));
  }
  va_end(arguments);
  return code;
}
