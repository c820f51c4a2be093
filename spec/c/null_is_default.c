/* Preloaded library: a libcurl with the trust defaults of 8.21. Its built-in bundle and folder are
   TRUSTED_FILE and TRUSTED_FOLDER, and NULL restores these defaults. */
#include <curl/curl.h>
#include <stdarg.h>
#include <stdlib.h>

#include "real_libcurl.h"

static const char *default_of(CURLoption option) {
  switch (option) {
  case CURLOPT_CAINFO:
  case CURLOPT_PROXY_CAINFO:
    return getenv("TRUSTED_FILE");
  case CURLOPT_CAPATH:
  case CURLOPT_PROXY_CAPATH:
    return getenv("TRUSTED_FOLDER");
  default:
    return NULL;
  }
}

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  CURLcode (*set)(CURL *, CURLoption, ...) = NULL;
  va_list list;
  *(void **)&set = real_libcurl("curl_easy_setopt");
  va_start(list, option);
  CURLcode code = CURLE_FAILED_INIT;
  if (option / 10000 == CURLOPTTYPE_OFF_T / 10000) {
    code = set(easy, option, va_arg(list, curl_off_t));
  } else if (option / 10000 == CURLOPTTYPE_LONG / 10000) {
    code = set(easy, option, va_arg(list, long));
  } else {
    void *value = va_arg(list, void *);
    code = set(easy, option, value == NULL ? (void *)default_of(option) : value);
  }
  va_end(list);
  return code;
}

CURL *curl_easy_init(void) {
  static const CURLoption options[] = {CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO, CURLOPT_CAPATH,
                                       CURLOPT_PROXY_CAPATH};
  CURL *(*init)(void) = NULL;
  *(void **)&init = real_libcurl("curl_easy_init");
  CURL *easy = init();
  for (size_t i = 0; easy != NULL && i < sizeof options / sizeof *options; i++)
    curl_easy_setopt(easy, options[i], NULL);
  return easy;
}

curl_version_info_data *curl_version_info(CURLversion stamp) {
  static curl_version_info_data info;
  curl_version_info_data *(*get)(CURLversion) = NULL;
  *(void **)&get = real_libcurl("curl_version_info");
  info = *get(stamp);
  if (info.version_num < 0x081500)
    info.version_num = 0x081500;
  info.cainfo = getenv("TRUSTED_FILE");
  info.capath = getenv("TRUSTED_FOLDER");
  return &info;
}
