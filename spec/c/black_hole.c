/* Preloaded library: getaddrinfo does not answer for names that begin with "blackhole". NO_ASYNC=1:
   a libcurl without asynchronous lookups. OLD_CURL=1: a libcurl that is too old. */
#include <curl/curl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "real_libcurl.h"

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  const char *seconds = getenv("BLACK_HOLE_SECONDS");
  if (node != NULL && strncmp(node, "blackhole", 9) == 0) {
    usleep((useconds_t)(atof(seconds == NULL ? "30" : seconds) * 1e6));
    if (strstr(node, "after-all") == NULL)
      return EAI_AGAIN;
    node = "127.0.0.1";
  }
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node, service, hints, result);
}

#undef curl_version_info
curl_version_info_data *curl_version_info(CURLversion age) {
  static curl_version_info_data copy;
  curl_version_info_data *(*real)(CURLversion);
  *(void **)&real = dlsym(RTLD_NEXT, "curl_version_info");
  if (real == NULL)
    *(void **)&real = real_libcurl("curl_version_info");
  copy = *real(age);
  if (getenv("NO_ASYNC") != NULL)
    copy.features &= ~CURL_VERSION_ASYNCHDNS;
  if (getenv("OLD_CURL") != NULL) {
    copy.version_num = 0x074900;
    copy.version = "7.73.0";
  }
  return &copy;
}
