/* For preloaded libraries that replace functions of libcurl: finds the libcurl of the module, which
   may have another file name in another build. RTLD_NEXT does not find it. */
#ifndef MIC_SPEC_REAL_LIBCURL_H
#define MIC_SPEC_REAL_LIBCURL_H

#include <dlfcn.h>
#include <link.h>
#include <string.h>

static int is_libcurl(struct dl_phdr_info *info, size_t size, void *context) {
  const char *slash = strrchr(info->dlpi_name, '/');
  (void)size;
  if (slash == NULL || strncmp(slash, "/libcurl", strlen("/libcurl")) != 0)
    return 0;
  *(const char **)context = info->dlpi_name;
  return 1;
}

/* The function of that name; NULL if no libcurl is loaded. */
static void *real_libcurl(const char *name) {
  const char *path = NULL;
  void *library =
      dl_iterate_phdr(is_libcurl, &path) != 0 ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
  return library == NULL ? NULL : dlsym(library, name);
}

#endif
