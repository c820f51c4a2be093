#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"

/* glibc's own functions, exported for programs that replace malloc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

const char *const allocation_kind_names[ALLOCATION_KINDS] = {"lua", "module", "libcurl"};

/* ---- caller of an allocation ---- */

static struct range {
  uintptr_t start, end;
} ranges[ALLOCATION_KINDS]; /* of code; unused for Lua, which has its own allocator function */

static int note_range(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size, (void)context;
  struct range *range = NULL;
  if (strstr(info->dlpi_name, "/mic/core.so") != NULL)
    range = &ranges[MODULE_ALLOCATION];
  else if (strstr(info->dlpi_name, "/libcurl") != NULL)
    range = &ranges[CURL_ALLOCATION];
  for (int i = 0; range != NULL && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
      continue;
    range->start = info->dlpi_addr + part->p_vaddr;
    range->end = range->start + part->p_memsz;
  }
  return 0;
}

void allocator_find_libraries(void) {
  void *frames[2];
  dl_iterate_phdr(note_range, NULL);
  backtrace(frames, 2); /* the first call loads a library */
}

static enum allocation_kind kind_of(const void *caller) {
  for (int kind = MODULE_ALLOCATION; kind < ALLOCATION_KINDS; kind++)
    if ((uintptr_t)caller >= ranges[kind].start && (uintptr_t)caller < ranges[kind].end)
      return (enum allocation_kind)kind;
  return ALLOCATION_KINDS;
}

/* ---- failures ---- */

static struct {
  enum failing mode;
  enum allocation_kind kind;
  unsigned long position;
  unsigned long counts[ALLOCATION_KINDS];
  bool armed, failed;
  bool again; /* Lua retries after a collection: fail that too */
} plan;

void allocator_arm(enum allocation_kind kind, enum failing mode, unsigned long position) {
  memset(&plan, 0, sizeof plan);
  plan.kind = kind;
  plan.mode = mode;
  plan.position = position;
  plan.armed = true;
}

void allocator_disarm(void) {
  plan.armed = false;
}

unsigned long allocator_count(enum allocation_kind kind) {
  return plan.counts[kind];
}

bool allocator_has_failed(void) {
  return plan.failed;
}

/* LuaJIT may crash if an allocation fails inside an instruction (its issue 906, fixed after the
   common releases). Lua 5.2 frees its call records at each full collection, so without memory it
   cannot run a finalizer, and frees the object all the same. With these two, only the other kinds
   fail. */
#if __has_include(<luajit.h>) || LUA_VERSION_NUM == 502
enum { LUA_MAY_FAIL = false };
#else
enum { LUA_MAY_FAIL = true };
#endif

static bool fails(enum allocation_kind kind) {
  if (!plan.armed || kind == ALLOCATION_KINDS || (kind == LUA_ALLOCATION && !LUA_MAY_FAIL))
    return false;
  if (kind == LUA_ALLOCATION && plan.again) {
    plan.again = false;
    return true;
  }
  unsigned long number = ++plan.counts[kind];
  if (plan.failed) {
    if (plan.mode >= FAIL_ALL || (plan.mode == FAIL_ONWARD && kind == plan.kind))
      return true;
    return false;
  }
  if (plan.mode == FAIL_NONE || kind != plan.kind || number != plan.position)
    return false;
  plan.failed = true;
#if LUA_VERSION_NUM >= 502 /* older ones do not retry */
  plan.again = kind == LUA_ALLOCATION && plan.mode == FAIL_ONCE;
#endif
  return true;
}

/* ---- leaks ---- */

enum { SLOTS = 1 << 16 };

static struct slot {
  void *block; /* NULL: empty; TOMBSTONE: removed */
  const void *caller;
  enum allocation_kind kind;
} slots[SLOTS];

#define TOMBSTONE ((void *)1)

static size_t live[ALLOCATION_KINDS];

static size_t first_slot(const void *block) {
  return ((uintptr_t)block >> 4) * 2654435761u % SLOTS;
}

static void remember(void *block, enum allocation_kind kind, const void *caller) {
  if (block == NULL || kind == ALLOCATION_KINDS)
    return;
  for (size_t i = first_slot(block), left = SLOTS; left > 0; left--, i = (i + 1) % SLOTS) {
    if (slots[i].block != NULL && slots[i].block != TOMBSTONE)
      continue;
    slots[i] = (struct slot){block, caller, kind};
    live[kind]++;
    return;
  }
}

static void forget(const void *block) {
  if (live[MODULE_ALLOCATION] + live[CURL_ALLOCATION] == 0)
    return;
  for (size_t i = first_slot(block), left = SLOTS; left > 0; left--, i = (i + 1) % SLOTS) {
    if (slots[i].block == NULL)
      return;
    if (slots[i].block != block)
      continue;
    slots[i].block = TOMBSTONE;
    live[slots[i].kind]--;
    return;
  }
}

size_t allocator_live(enum allocation_kind kind) {
  return live[kind];
}

void allocator_forget(void) {
  memset(slots, 0, sizeof slots);
  memset(live, 0, sizeof live);
}

void allocator_tell_left(void) {
  if (live[LUA_ALLOCATION] != 0)
    fprintf(stderr, "  left: %zu bytes of Lua's\n", live[LUA_ALLOCATION]);
  for (size_t i = 0; i < SLOTS; i++) {
    if (slots[i].block == NULL || slots[i].block == TOMBSTONE)
      continue;
    fprintf(stderr, "  left: a block of %s, asked for at +0x%lx\n",
            allocation_kind_names[slots[i].kind],
            (unsigned long)((uintptr_t)slots[i].caller - ranges[slots[i].kind].start));
  }
}

/* ---- replacements of glibc's functions ---- */

#define CALLER __builtin_return_address(0)

static bool refuse(enum allocation_kind kind) {
  if (!fails(kind))
    return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) {
  enum allocation_kind kind = kind_of(CALLER);
  if (refuse(kind))
    return NULL;
  void *block = __libc_malloc(size);
  remember(block, kind, CALLER);
  return block;
}

void *calloc(size_t count, size_t size) {
  enum allocation_kind kind = kind_of(CALLER);
  if (refuse(kind))
    return NULL;
  void *block = __libc_calloc(count, size);
  remember(block, kind, CALLER);
  return block;
}

void *realloc(void *old, size_t size) {
  enum allocation_kind kind = kind_of(CALLER);
  if (refuse(kind))
    return NULL;
  void *block = __libc_realloc(old, size);
  if (block == NULL && size > 0)
    return NULL;
  if (old != NULL)
    forget(old);
  remember(block, kind, CALLER);
  return block;
}

void free(void *block) {
  if (block == NULL)
    return;
  forget(block);
  __libc_free(block);
}

static char *copy_text(const char *text, size_t length, const void *caller) {
  enum allocation_kind kind = kind_of(caller);
  if (refuse(kind))
    return NULL;
  char *copy = __libc_malloc(length + 1);
  if (copy != NULL) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  remember(copy, kind, caller);
  return copy;
}

char *strdup(const char *text) {
  return copy_text(text, strlen(text), CALLER);
}

char *strndup(const char *text, size_t length) {
  return copy_text(text, strnlen(text, length), CALLER);
}

/* ---- Lua's allocator ---- */

static struct {
  unsigned long step, asked, done;
  bool from_module, active;
  bool retrying; /* the next call is a retry */
} collecting;

void allocator_collect(unsigned long step, bool from_module) {
  collecting.step = step;
  collecting.from_module = from_module;
  collecting.active = step > 0 || from_module;
  collecting.retrying = false;
}

unsigned long allocator_collections(void) {
  return collecting.done;
}

/* Checks only as many frames as Lua's functions use below a C function of the module. */
static bool comes_from_module(void) {
  void *frames[16];
  int count = backtrace(frames, 16);
  for (int i = 2; i < count; i++)
    if (kind_of(frames[i]) == MODULE_ALLOCATION)
      return true;
  return false;
}

static bool collects(void) {
  if (!collecting.active)
    return false;
  if (collecting.retrying) {
    collecting.retrying = false;
    return false;
  }
  bool due = collecting.step > 0 && ++collecting.asked % collecting.step == 0;
  if (!due && !(collecting.from_module && comes_from_module()))
    return false;
  collecting.retrying = true;
  collecting.done++;
  return true;
}

/* Overwrites freed memory, to expose reads after free. */
enum { SCRIBBLE = 0x5a };

void *allocator_for_lua(void *context, void *block, size_t old_size, size_t size) {
  (void)context;
  /* Lua 5.2 and later pass the type of a new object. Lua does not always retry other allocations (a
     growing stack, a buffer of lauxlib). */
  bool is_object = block == NULL && old_size != 0;
  if (block == NULL)
    old_size = 0;
  if (size == 0) {
    live[LUA_ALLOCATION] -= old_size;
    if (block != NULL)
      memset(block, SCRIBBLE, old_size);
    __libc_free(block);
    return NULL;
  }
  if (size > old_size && (fails(LUA_ALLOCATION) || (is_object && collects())))
    return NULL;
  void *moved = __libc_realloc(block, size);
  if (moved != NULL)
    live[LUA_ALLOCATION] += size - old_size;
  return moved;
}
