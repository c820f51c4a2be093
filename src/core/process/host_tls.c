#include "../base.h"

#include <dlfcn.h>
#ifdef __ELF__
#include <link.h>
#endif
#include <stdio.h>
#include <string.h>

#include "host_tls.h"
#include "loaded_object.h"

#ifdef __ELF__

/* OpenSSL's version numbers: 0x30000000 is 3.0, 0x1010100f is 1.1.1. */
typedef unsigned long (*version_function)(void);

static const char LIBRARY[] = "libssl.so.";

/* A static linker includes only what the program uses. Any program that uses OpenSSL has the second
   one. */
static const char MARKS[][20] = {"OpenSSL_version_num", "CRYPTO_free"};

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Finds the suffix of the loaded libssl, which is the one that libcurl needs: "3", "1.1". */
static int find_library(struct dl_phdr_info *info, size_t size, void *context) {
  const char **suffix = context;
  const char *name = base_name(info->dlpi_name);
  (void)size;
  if (strncmp(name, LIBRARY, sizeof LIBRARY - 1) != 0)
    return 0;
  *suffix = name + sizeof LIBRARY - 1;
  return 1;
}

/* The object that provides a symbol to libcurl's TLS library, and its file; NULL if none. */
static const void *home_of(const char *name, const char **file) {
  void *symbol = dlsym(RTLD_DEFAULT, name);
  const void *home = symbol == NULL ? NULL : loaded_object_of(symbol, file);
  if (home != NULL)
    *file = base_name(*file);
  return home;
}

/* An object with its own OpenSSL that is not a libcrypto; NULL if none. */
static const void *find_host(void) {
  for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++) {
    const char *file = NULL;
    const void *home = home_of(MARKS[i], &file);
    if (home != NULL && strncmp(file, "libcrypto", 9) != 0)
      return home;
  }
  return NULL;
}

static unsigned long version_of(const void *host) {
  const char *file = NULL;
  if (home_of("OpenSSL_version_num", &file) == host) {
    version_function version_of_host = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "OpenSSL_version_num");
    memcpy(&version_of_host, &symbol, sizeof symbol); /* ISO C has no cast for this */
    return version_of_host();
  }
  /* OpenSSL 3 has ERR_new; older versions and forks do not. */
  return home_of("ERR_new", &file) == host ? 0x30000000UL : 0x10100000UL;
}

bool host_tls_fits(char *message, size_t size) {
  const char *wanted = NULL;
  const void *host = find_host();
  dl_iterate_phdr(find_library, &wanted);
  if (host == NULL || wanted == NULL)
    return true;
  unsigned long version = version_of(host);
  if (version >> 28 == (unsigned long)(*wanted - '0'))
    return true;
  snprintf(message, size,
           "this program contains OpenSSL %lu.%lu, which replaces the OpenSSL %s "
           "that libcurl was built for: use a build that loads OpenSSL as a shared library, or a "
           "libcurl built for the program's OpenSSL",
           version >> 28, version >> 20 & 0xff, wanted);
  return false;
}

#else

/* Elsewhere each library is bound to the one that it was linked with. */
bool host_tls_fits(char *message, size_t size) {
  (void)message, (void)size;
  return true;
}

#endif
