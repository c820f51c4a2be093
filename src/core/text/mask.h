/* Finds secrets in a text, in each spelling in which another program may have written them there:
   as they are, percent-encoded (also as a form), escaped as in JSON or HTML,
   any character or all, in up to three layers; and within base64. The time is linear in the length
   of the text. */
#ifndef MIC_MASK_H
#define MIC_MASK_H

#include "../base.h"
#include "secret.h"
#include "spelling.h"

MIC_PRIVATE_BEGIN

/* Shorter secrets would turn ordinary words into stars: they count only where they are the whole
   text. */
enum { MASK_INSIDE_MIN = 4 };
/* Longer ones are found in upper and lower case too; shorter ones may be a word that many texts
   and message keys hold. */
enum { MASK_ANY_CASE_MIN = 12 };
/* A needle for everything that a client may know at a time. */
enum { MASK_NEEDLES_MAX = 32, MASK_LAYERS_MAX = 3 };

struct mask_needle {
  const char *bytes; /* borrowed */
  size_t length;
  bool any_case;
  uint32_t *borders; /* of each prefix, the longest proper prefix that is also its suffix */
  size_t usable;     /* as many of them as a text is long */
  bool is_ready;     /* they were found */
};

struct mask {
  struct mask_needle needles[MASK_NEEDLES_MAX];
  size_t count;
  bool overfull;   /* more were added */
  size_t shortest; /* length of the shortest; SIZE_MAX when there is none */
  void *room;      /* owned, from mask_begin to mask_end */
  uint32_t *reach; /* of each byte of the text, the end of the longest secret that begins there */
  size_t length;   /* of the text */
  struct spelled layers[MASK_LAYERS_MAX], run;
};

void mask_init(struct mask *mask);
/* Adds a secret; it must stay as it is until mask_end. One that is not set, or there already, is
   passed over. */
void mask_add(struct mask *mask, const struct secret *secret);
/* Makes room for texts of up to this length, which must be less than 4 GiB. False when there is no
   memory, or were too many secrets: then nothing that may hold a secret can be shown. */
bool mask_begin(struct mask *mask, size_t length);
/* Searches a text. With `cut` it is the beginning of a longer one: what may be the beginning of a
   secret at its end counts too. True when anything was found. */
bool mask_find(struct mask *mask, const char *text, size_t length, bool cut);
/* The next place at or after *at that was found, and moves *at to its end; false when there is
   none. Places that overlap are one. */
bool mask_next(const struct mask *mask, size_t *at, size_t *start, size_t *end);
/* Searches, and overwrites what was found by stars. */
bool mask_overwrite(struct mask *mask, char *text, size_t length);
void mask_end(struct mask *mask);

MIC_PRIVATE_END
#endif
