#include "../base.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <malloc/malloc.h>
#elif defined(__FreeBSD__)
#include <malloc_np.h>
#elif defined(__linux__)
#include <malloc.h>
#endif

#include "../text/secret.h"
#include "loaded_object.h"
#include "wiped_memory.h"

#if defined(__APPLE__)
static const char SIZE_FUNCTION[] = "malloc_size";
static size_t size_of(void *block) {
  return malloc_size(block);
}
#elif defined(__FreeBSD__) || defined(__linux__)
static const char SIZE_FUNCTION[] = "malloc_usable_size";
static size_t size_of(void *block) {
  return malloc_usable_size(block);
}
#else
static const char SIZE_FUNCTION[] = "";
static size_t size_of(void *block) {
  (void)block;
  return 0;
}
#endif

/* Large blocks are libcurl's buffers, which are rarely filled far: wiping 64 KiB at each call would
   cost 2 % (measured). So they carry marks at doubling distances. The first intact mark ends the
   used part. A block without intact marks is wiped whole. */
enum { LARGE = 16 * 1024, FIRST_MARK = 512 };
static const uint64_t MARK = 0x9d3f5ac1706be284U;

static void *allocate_marked(size_t size) {
  char *block = malloc(size);
  for (size_t at = FIRST_MARK; block != NULL && at <= size - sizeof MARK; at *= 2)
    memcpy(block + at, &MARK, sizeof MARK);
  return block;
}

static void *wiped_memory_cb_malloc(size_t size) {
  return size < LARGE ? malloc(size) : allocate_marked(size);
}

/* The number of bytes of a large block that may have been written. */
static size_t used_of(const char *block, size_t size) {
  for (size_t at = FIRST_MARK; at <= size - sizeof MARK; at *= 2)
    if (memcmp(block + at, &MARK, sizeof MARK) == 0)
      return at;
  return size;
}

/* Most blocks have a few words. There a function call costs more than the stores. */
static void wipe(void *block, size_t size) {
  volatile uint64_t *words = block;
  switch (size) {
  case 5 * sizeof *words: /* the two smallest sizes of glibc */
    words[4] = words[3] = 0;
    /* fall through */
  case 3 * sizeof *words:
    words[2] = words[1] = words[0] = 0;
    break;
  default:
    secret_wipe(block, size < LARGE ? size : used_of(block, size));
  }
}

static void wiped_memory_cb_free(void *block) {
  if (block == NULL)
    return;
  wipe(block, size_of(block));
  free(block);
}

static void *wiped_memory_cb_realloc(void *block, size_t size) {
  if (block == NULL)
    return wiped_memory_cb_malloc(size);
  size_t before = size_of(block);
  if (size <= before && size >= before / 2)
    return block;
  void *moved = wiped_memory_cb_malloc(size);
  if (moved == NULL)
    return NULL;
  memcpy(moved, block, size < before ? size : before);
  wiped_memory_cb_free(block);
  return moved;
}

/* False if a program replaced malloc but not the function that returns the size of a block, which
   then cannot handle these blocks. */
static bool is_sized(void) {
  void *allocate = dlsym(RTLD_DEFAULT, "malloc"), *size = dlsym(RTLD_DEFAULT, SIZE_FUNCTION);
  const void *object = allocate == NULL ? NULL : loaded_object_of(allocate, NULL);
  return object != NULL && size != NULL && loaded_object_of(size, NULL) == object;
}

CURLcode wiped_memory_start_curl(void) {
  const char *here = NULL;
  /* libcurl keeps these function pointers, and its resolver threads may outlive the Lua state: the
     code must stay mapped. */
  bool stays =
      loaded_object_of(&MARK, &here) != NULL && dlopen(here, RTLD_NOW | RTLD_NODELETE) != NULL;
  if (!stays || !is_sized())
    return curl_global_init(CURL_GLOBAL_DEFAULT);
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_memory_cb_malloc, wiped_memory_cb_free,
                              wiped_memory_cb_realloc, strdup, calloc);
}
