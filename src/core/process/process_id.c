#include "../base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "process_id.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic pid_t cached; /* 0: every call asks the kernel */

static void cache(void) {
  atomic_store_explicit(&cached, getpid(), memory_order_relaxed);
}

static void begin(void) {
  if (pthread_atfork(NULL, NULL, cache) == 0)
    cache();
}

pid_t process_id(void) {
  pthread_once(&once, begin);
  pid_t id = atomic_load_explicit(&cached, memory_order_relaxed);
  return id != 0 ? id : getpid();
}
