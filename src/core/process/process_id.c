#include "../base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process_id.h"

/* The id is cached in a page that the kernel clears in a child process (MADV_WIPEONFORK, Linux
   4.14), however it was forked. Without such a page, every call asks the kernel. */
static pthread_once_t page_once = PTHREAD_ONCE_INIT;
static _Atomic pid_t *kept;

static void make_page(void) {
#ifdef MADV_WIPEONFORK
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return;
  if (madvise(page, size, MADV_WIPEONFORK) == 0)
    kept = page;
  else
    munmap(page, size);
#endif
}

pid_t process_id(void) {
  pthread_once(&page_once, make_page);
  if (kept == NULL)
    return getpid();
  pid_t id = atomic_load_explicit(kept, memory_order_relaxed);
  if (id == 0) {
    id = getpid();
    atomic_store_explicit(kept, id, memory_order_relaxed);
  }
  return id;
}
