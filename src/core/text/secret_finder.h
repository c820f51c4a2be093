/* Finds secrets in a text, in every spelling that another program may use: literal; percent-encoded
   (forms too), JSON-escaped or HTML-escaped, in any mix of escaped and literal characters and up to
   three layers; and within base64. Runs in time linear in the length of the text. */
#ifndef MIC_SECRET_FINDER_H
#define MIC_SECRET_FINDER_H

#include "../base.h"
#include "secret.h"
#include "spelling.h"

MIC_PRIVATE_BEGIN

/* Shorter secrets would mask ordinary words. They match only a whole text. */
enum { MASK_INSIDE_MIN = 4 };
/* Secrets of this length match in any case. Shorter ones may be a common word. */
enum { MASK_ANY_CASE_MIN = 12 };
/* Enough needles for all secrets that a client knows at a time. */
enum { MASK_NEEDLES_MAX = 32, MASK_LAYERS_MAX = 3 };

struct mask_needle {
  const char *bytes; /* borrowed */
  size_t length;
  bool any_case;
  uint32_t *borders; /* KMP failure table: for each prefix, its longest proper prefix that is also
                        its suffix */
  size_t usable;     /* entries in use, at most the text's length */
  bool is_ready;     /* borders is computed */
};

struct mask {
  struct mask_needle needles[MASK_NEEDLES_MAX];
  size_t count;
  bool overfull;   /* too many secrets were added */
  size_t shortest; /* length of the shortest secret; SIZE_MAX if none */
  void *room;      /* owned; from mask_begin to mask_end */
  uint32_t *reach; /* per byte of the text: end of the longest secret that starts there */
  size_t length;   /* of the text */
  struct spelled layers[MASK_LAYERS_MAX], run;
};

void mask_init(struct mask *mask);
/* Adds a secret, which must not change until mask_end. Skips one that is unset or already added. */
void mask_add(struct mask *mask, const struct secret *secret);
/* Allocates for texts of up to `length` bytes, less than 4 GiB. False if out of memory or if there
   were too many secrets: show no text then. */
bool mask_begin(struct mask *mask, size_t length);
/* Searches a text. `cut`: the text is truncated, so a prefix of a secret at its end counts too.
   True if anything was found. */
bool mask_find(struct mask *mask, const char *text, size_t length, bool cut);
/* Returns the next match at or after *at, and sets *at to its end. False if there is none. Merges
   overlapping matches. */
bool mask_next(const struct mask *mask, size_t *at, size_t *start, size_t *end);
/* Searches, and overwrites matches with asterisks. */
bool mask_overwrite(struct mask *mask, char *text, size_t length);
void mask_end(struct mask *mask);

MIC_PRIVATE_END
#endif
