/* Preloaded library: the program runs as set-uid. */
#include <dlfcn.h>
#include <sys/auxv.h>

unsigned long getauxval(unsigned long type) {
  unsigned long (*real)(unsigned long) = 0;
  *(void **)&real = dlsym(RTLD_NEXT, "getauxval");
  return type == AT_SECURE ? 1 : real(type);
}
