/* Takes the place of malloc and its kin, and is Lua's allocator: counts what mic/core.so, libcurl
   and Lua ask for, fails what it is told to fail, and knows what was not given back. What others
   ask for it passes on. For glibc; the program is linked with -rdynamic. */
#ifndef MIC_FAILING_ALLOCATOR_H
#define MIC_FAILING_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

enum allocation_kind { LUA_ALLOCATION, MODULE_ALLOCATION, CURL_ALLOCATION, ALLOCATION_KINDS };

enum failing {
  FAIL_NONE,
  FAIL_ONCE,   /* the one at the position */
  FAIL_ONWARD, /* it and all of its kind that follow */
  FAIL_ALL,    /* it and all of every kind that follow */
  FAIL_TO_END  /* the same, until the state is closed */
};

extern const char *const allocation_kind_names[ALLOCATION_KINDS];

/* Looks where the two libraries are; until then nothing of theirs is known. */
void allocator_find_libraries(void);
/* Counts from 1 again, and fails from now on what the three say. */
void allocator_arm(enum allocation_kind kind, enum failing mode, unsigned long position);
void allocator_disarm(void);
/* How many were asked for since allocator_arm. */
unsigned long allocator_count(enum allocation_kind kind);
bool allocator_has_failed(void);
/* Lua collects all of its garbage when an allocation fails, and tries again: so a first try that
   fails is a full collection. Each `step`-th object that Lua makes has one, and with `from_module`
   also each that it makes for a function of mic/core.so. 0 and false end it. Lua 5.2 and later. */
void allocator_collect(unsigned long step, bool from_module);
unsigned long allocator_collections(void);

/* How many blocks have not been given back; of Lua the bytes. */
size_t allocator_live(enum allocation_kind kind);
/* Forgets the blocks that are there: they are not looked for. */
void allocator_forget(void);
/* Writes to standard error where the blocks come from that are left. */
void allocator_tell_left(void);

void *allocator_for_lua(void *context, void *block, size_t old_size, size_t size);

#endif
