#include "../base.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/auxv.h>
#else
#include <unistd.h>
#endif

#include "process_environment.h"

const char environment_proxies[5][12] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
                                         "ALL_PROXY"};

bool environment_is_foreign(void) {
#if defined(__linux__)
  return getauxval(AT_SECURE) != 0;
#else
  return issetugid() != 0;
#endif
}

const char *environment_get(const char *name) {
  return environment_is_foreign() ? NULL : getenv(name);
}

void environment_clean(void) {
  if (environment_is_foreign())
    (void)unsetenv("SSLKEYLOGFILE");
}
