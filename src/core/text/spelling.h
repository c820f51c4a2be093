/* The spellings in which other programs write a text, undone: percent-encoding, forms, JSON, HTML
   and base64. Any character may be spelled or stand as it is. */
#ifndef MIC_SPELLING_H
#define MIC_SPELLING_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum spelling {
  SPELLING_PERCENT = 1,
  SPELLING_PLUS = 2, /* a blank in a form */
  SPELLING_JSON = 4,
  SPELLING_HTML = 8
};

/* A text, and of each byte where what it was made of begins and ends in the original. The original
   itself has no such lists. */
struct spelled {
  const char *bytes;
  char *room; /* the same, where they may be written; NULL for the original */
  uint32_t *starts, *ends;
  size_t length;
};

/* Undoes one layer of these spellings; what is none of them stays as it is. `to` has room for as
   much as `from` has. With `cut` the original goes on after its end: an escape that may be
   incomplete there is left out. Returns the spellings that were found. */
unsigned spelling_undo(const struct spelled *from, unsigned spellings, bool cut,
                       struct spelled *to);
/* The end of the run of base64 characters (of both alphabets) and line breaks at `start`; `start`
   itself when there is none. */
size_t spelling_base64_end(const struct spelled *text, size_t start);
/* Decodes the run from its character number `phase` on, 0 to 3: in a longer text a group of four
   may begin at any of them. */
void spelling_undo_base64(const struct spelled *from, size_t start, size_t end, unsigned phase,
                          struct spelled *to);

MIC_PRIVATE_END
#endif
