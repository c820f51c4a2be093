/* Decodes the spellings in which other programs write text: percent-encoding, forms, JSON, HTML and
   base64. Each character may be escaped or literal. */
#ifndef MIC_SPELLING_H
#define MIC_SPELLING_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum spelling {
  SPELLING_PERCENT = 1,
  SPELLING_PLUS = 2, /* a space in a form */
  SPELLING_JSON = 4,
  SPELLING_HTML = 8
};

/* A decoded text, and for each byte the start and end of its source in the original. The original
   itself has no such lists. */
struct spelled {
  const char *bytes;
  char *room; /* the same bytes, writable; NULL for the original */
  uint32_t *starts, *ends;
  size_t length;
};

/* Decodes one layer of these spellings and copies everything else. `to` needs as much room as
   `from`. `cut`: the original is truncated, so an escape that may be incomplete at its end is
   dropped. Returns the spellings that were found; without any, `to` is unspecified. */
unsigned spelling_undo(const struct spelled *from, unsigned spellings, bool cut,
                       struct spelled *to);
/* The end of a run of base64 characters (both alphabets) and line breaks at `start`; `start` if
   there is none. */
size_t spelling_base64_end(const struct spelled *text, size_t start);
/* Decodes the run from character `phase` (0 to 3) on: inside a longer text, a group of four may
   start at any of them. */
void spelling_undo_base64(const struct spelled *from, size_t start, size_t end, unsigned phase,
                          struct spelled *to);

MIC_PRIVATE_END
#endif
