#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "secret_finder.h"

enum { ALL_ESCAPES = SPELLING_PERCENT | SPELLING_JSON | SPELLING_HTML };
/* Base64 length of the shortest secret that matches inside a text. */
enum { BASE64_MIN = 6 };

/* ---- needles ---- */

void mask_init(struct mask *mask) {
  memset(mask, 0, sizeof *mask);
  mask->shortest = SIZE_MAX;
}

void mask_add(struct mask *mask, const struct secret *secret) {
  if (secret->length == 0)
    return;
  for (size_t i = 0; i < mask->count; i++) {
    const struct mask_needle *other = &mask->needles[i];
    if (other->length == secret->length && memcmp(other->bytes, secret->bytes, secret->length) == 0)
      return;
  }
  if (mask->count == MASK_NEEDLES_MAX) {
    mask->overfull = true;
    return;
  }
  mask->needles[mask->count].bytes = secret->bytes;
  mask->needles[mask->count].length = secret->length;
  mask->needles[mask->count].any_case = secret->length >= MASK_ANY_CASE_MIN;
  mask->count++;
  if (secret->length < mask->shortest)
    mask->shortest = secret->length;
}

/* Lower case if case is ignored. ASCII only, independent of the locale. */
static unsigned char seen(const struct mask_needle *needle, char byte) {
  unsigned char value = (unsigned char)byte;
  return needle->any_case && value >= 'A' && value <= 'Z' ? (unsigned char)(value + ('a' - 'A'))
                                                          : value;
}

/* Returns the length of the match after `byte` follows `matched` matching bytes. */
static size_t advance(const struct mask_needle *needle, size_t matched, unsigned char byte) {
  while (matched > 0 && byte != seen(needle, needle->bytes[matched]))
    matched = needle->borders[matched - 1];
  return byte == seen(needle, needle->bytes[matched]) ? matched + 1 : 0;
}

/* Knuth-Morris-Pratt. Built at first use, because most secrets are longer than most texts. */
static void find_borders(struct mask_needle *needle) {
  needle->borders[0] = 0;
  for (size_t i = 1; i < needle->usable; i++)
    needle->borders[i] =
        (uint32_t)advance(needle, needle->borders[i - 1], seen(needle, needle->bytes[i]));
  needle->is_ready = true;
}

/* ---- memory ---- */

static size_t min(size_t a, size_t b) {
  return a < b ? a : b;
}

static void *take(char **free_room, size_t size) {
  char *block = *free_room;
  *free_room += size;
  return block;
}

bool mask_begin(struct mask *mask, size_t length) {
  if (mask->overfull)
    return false;
  size_t numbers = (1 + 2 * (MASK_LAYERS_MAX + 1)) * length;
  for (size_t i = 0; i < mask->count; i++)
    numbers += min(mask->needles[i].length, length);
  char *room = malloc(numbers * sizeof(uint32_t) + (MASK_LAYERS_MAX + 1) * length + 1);
  if (room == NULL)
    return false;
  mask->room = room;
  for (size_t i = 0; i < mask->count; i++) {
    struct mask_needle *needle = &mask->needles[i];
    needle->usable = min(needle->length, length);
    needle->borders = take(&room, needle->usable * sizeof(uint32_t));
    needle->is_ready = false;
  }
  mask->reach = take(&room, length * sizeof(uint32_t));
  struct spelled *texts[MASK_LAYERS_MAX + 1] = {&mask->run};
  for (size_t i = 0; i < MASK_LAYERS_MAX; i++)
    texts[i + 1] = &mask->layers[i];
  for (size_t i = 0; i <= MASK_LAYERS_MAX; i++) {
    texts[i]->starts = take(&room, length * sizeof(uint32_t));
    texts[i]->ends = take(&room, length * sizeof(uint32_t));
  }
  for (size_t i = 0; i <= MASK_LAYERS_MAX; i++)
    texts[i]->bytes = texts[i]->room = take(&room, length);
  return true;
}

void mask_end(struct mask *mask) {
  free(mask->room);
  mask->room = NULL;
}

/* ---- search ---- */

struct search {
  struct mask *mask;
  bool cut;
  bool found;
};

static void note(struct search *search, size_t start, size_t end) {
  uint32_t *reach = search->mask->reach;
  if (reach[start] < end)
    reach[start] = (uint32_t)end;
  search->found = true;
}

static void note_within(struct search *search, const struct spelled *text, size_t start,
                        size_t end) {
  if (text->starts == NULL)
    note(search, start, end);
  else
    note(search, text->starts[start], text->ends[end - 1]);
}

/* `open`: the text is truncated; see mask_find. */
static void find_needle(struct search *search, struct mask_needle *needle,
                        const struct spelled *text, bool open) {
  size_t matched = 0;
  if (text->length == 0)
    return;
  if (!needle->is_ready)
    find_borders(needle);
  for (size_t i = 0; i < text->length; i++) {
    matched = advance(needle, matched, seen(needle, text->bytes[i]));
    if (matched < needle->length)
      continue;
    note_within(search, text, i + 1 - matched, i + 1);
    matched = needle->borders[matched - 1];
  }
  if (open && matched >= MASK_INSIDE_MIN) {
    size_t start = text->length - matched;
    note(search, text->starts != NULL ? text->starts[start] : start, search->mask->length);
  }
}

static void find_needles(struct search *search, const struct spelled *text, bool open) {
  for (size_t i = 0; i < search->mask->count; i++) {
    struct mask_needle *needle = &search->mask->needles[i];
    if (needle->length >= MASK_INSIDE_MIN && (open || needle->length <= text->length))
      find_needle(search, needle, text, open);
  }
}

static void find_short(struct search *search, const struct spelled *text) {
  for (size_t i = 0; i < search->mask->count; i++) {
    const struct mask_needle *needle = &search->mask->needles[i];
    if (needle->length < MASK_INSIDE_MIN && needle->length == text->length &&
        memcmp(needle->bytes, text->bytes, text->length) == 0)
      note(search, 0, search->mask->length);
  }
}

static void find_in_base64(struct search *search, const struct spelled *text) {
  struct spelled *run = &search->mask->run;
  for (size_t at = 0; at < text->length;) {
    size_t end = spelling_base64_end(text, at);
    for (unsigned phase = 0; phase < 4 && end >= at + BASE64_MIN; phase++) {
      spelling_undo_base64(text, at, end, phase, run);
      find_needles(search, run, search->cut && end == text->length);
      secret_wipe(run->room, run->length);
    }
    at = end > at ? end : at + 1;
  }
}

static void find_in(struct search *search, const struct spelled *text, bool base64) {
  find_needles(search, text, search->cut);
  if (!search->cut)
    find_short(search, text);
  if (base64)
    find_in_base64(search, text);
}

/* A form is always the outermost encoding, so no layer follows. */
static void find_in_form(struct search *search, const struct spelled *text, struct spelled *layer) {
  static const unsigned ways[] = {SPELLING_PERCENT | SPELLING_PLUS, ALL_ESCAPES | SPELLING_PLUS};
  for (size_t i = 0; i < 2; i++)
    if ((spelling_undo(text, ways[i], search->cut, layer) & SPELLING_PLUS) != 0)
      find_in(search, layer, false);
}

/* Decodes layer by layer. Each spelling alone, because a secret may contain what looks like another
   spelling, and all at once. The third layer: only all at once. */
static void find_in_layers(struct search *search, const struct spelled *text, unsigned depth) {
  static const unsigned ways[] = {SPELLING_PERCENT, SPELLING_JSON, SPELLING_HTML, ALL_ESCAPES};
  const unsigned last = MASK_LAYERS_MAX - 1;
  struct spelled *layer = &search->mask->layers[depth];
  find_in_form(search, text, layer);
  for (unsigned i = depth < last ? 0 : 3; i < 4; i++) {
    unsigned found = spelling_undo(text, ways[i], search->cut, layer);
    if (found == 0)
      continue;
    find_in(search, layer, depth == 0);
    if (depth == 0 || (depth < last && ways[i] == ALL_ESCAPES))
      find_in_layers(search, layer, depth + 1);
  }
  secret_wipe(layer->room, text->length);
}

bool mask_find(struct mask *mask, const char *text, size_t length, bool cut) {
  struct search search = {mask, cut, false};
  struct spelled whole = {text, NULL, NULL, NULL, length};
  mask->length = length;
  if (length < mask->shortest && !cut)
    return false;
  memset(mask->reach, 0, length * sizeof *mask->reach);
  find_in(&search, &whole, true);
  find_in_layers(&search, &whole, 0);
  return search.found;
}

bool mask_next(const struct mask *mask, size_t *at, size_t *start, size_t *end) {
  const uint32_t *reach = mask->reach;
  size_t first = *at;
  while (first < mask->length && reach[first] == 0)
    first++;
  if (first == mask->length)
    return false;
  *start = first;
  *end = reach[first];
  for (size_t i = first + 1; i < *end; i++)
    if (reach[i] > *end)
      *end = reach[i];
  *at = *end;
  return true;
}

bool mask_overwrite(struct mask *mask, char *text, size_t length) {
  if (!mask_find(mask, text, length, false))
    return false;
  size_t at = 0, start, end;
  while (mask_next(mask, &at, &start, &end))
    memset(text + start, '*', end - start);
  return true;
}
