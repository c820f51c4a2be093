#include "../base.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "process_id.h"
#include "randomness.h"

/* Uses the system call, because C libraries got a wrapper later than kernels. */
static bool ask_kernel(uint64_t *bits) {
#ifdef SYS_getrandom
  enum { DO_NOT_WAIT = 1 };
  return syscall(SYS_getrandom, bits, sizeof *bits, DO_NOT_WAIT) == (long)sizeof *bits;
#else
  (void)bits;
  return false;
#endif
}

static bool read_device(uint64_t *bits) {
  int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  ssize_t got = read(file, bits, sizeof *bits);
  close(file);
  return got == (ssize_t)sizeof *bits;
}

/* The finaliser of splitmix64: each input bit flips half of the output bits. */
static uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

static uint64_t make_up(void) {
  struct timespec now = {0, 0}, wall = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  clock_gettime(CLOCK_REALTIME, &wall);
  uint64_t bits = mix((uint64_t)wall.tv_sec ^ (uint64_t)wall.tv_nsec << 32);
  bits = mix(bits ^ (uint64_t)process_id() ^ (uint64_t)(uintptr_t)&now);
  return mix(bits + (uint64_t)now.tv_nsec);
}

uint64_t randomness_bits(void) {
  uint64_t bits = 0;
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
  arc4random_buf(&bits, sizeof bits);
  return bits;
#endif
  return ask_kernel(&bits) || read_device(&bits) ? bits : make_up();
}
