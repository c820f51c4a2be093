/* Replaces malloc and its relatives, and is Lua's allocator: counts allocations of mic/core.so,
   libcurl and Lua, makes selected ones fail, and tracks leaks. Others pass through. Needs glibc;
   link the program with -rdynamic. */
#ifndef MIC_FAILING_ALLOCATOR_H
#define MIC_FAILING_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

enum allocation_kind { LUA_ALLOCATION, MODULE_ALLOCATION, CURL_ALLOCATION, ALLOCATION_KINDS };

enum failing {
  FAIL_NONE,
  FAIL_ONCE,   /* the one at the position */
  FAIL_ONWARD, /* that one and later ones of its kind */
  FAIL_ALL,    /* that one and later ones of every kind */
  FAIL_TO_END  /* the same, until the state is closed */
};

extern const char *const allocation_kind_names[ALLOCATION_KINDS];

/* Finds the address ranges of the two libraries. Their allocations count from here on. */
void allocator_find_libraries(void);
/* Resets the counts and starts to fail as the three say. */
void allocator_arm(enum allocation_kind kind, enum failing mode, unsigned long position);
void allocator_disarm(void);
/* Number of allocations since allocator_arm. */
unsigned long allocator_count(enum allocation_kind kind);
bool allocator_has_failed(void);
/* Lua collects all garbage when an allocation fails, and retries: so a failing first try forces a
   full collection. Does this for each `step`-th object that Lua creates, and with `from_module` for
   each one created by a function of mic/core.so. 0 and false stop it. Lua 5.2 and later. */
void allocator_collect(unsigned long step, bool from_module);
unsigned long allocator_collections(void);

/* Number of unfreed blocks; for Lua, of bytes. */
size_t allocator_live(enum allocation_kind kind);
/* Drops all tracked blocks. */
void allocator_forget(void);
/* Prints the origin of leaked blocks to standard error. */
void allocator_tell_left(void);

void *allocator_for_lua(void *context, void *block, size_t old_size, size_t size);

#endif
