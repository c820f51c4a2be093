#include "../base.h"

#include <dlfcn.h>
#ifdef __ELF__
#include <link.h>
#endif

#include "loaded_object.h"

#ifdef __ELF__

struct search {
  uintptr_t address;
  const void *object;
  const char *file;
};

static int look_into(struct dl_phdr_info *info, size_t size, void *context) {
  struct search *search = context;
  (void)size;
  for (size_t i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    uintptr_t offset = search->address - (info->dlpi_addr + segment->p_vaddr);
    if (segment->p_type == PT_LOAD && offset < segment->p_memsz) {
      search->object = info->dlpi_phdr;
      search->file = info->dlpi_name;
      return 1;
    }
  }
  return 0;
}

/* dladdr would search all symbols of the object for the nearest one. */
const void *loaded_object_of(const void *address, const char **file) {
  struct search search = {(uintptr_t)address, NULL, ""};
  dl_iterate_phdr(look_into, &search);
  if (file != NULL)
    *file = search.file;
  return search.object;
}

#else

const void *loaded_object_of(const void *address, const char **file) {
  Dl_info place;
  if (dladdr(address, &place) == 0)
    return NULL;
  if (file != NULL)
    *file = place.dli_fname;
  return place.dli_fbase;
}

#endif
