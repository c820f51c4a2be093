#include "../base.h"

#include <string.h>

#include "json_scan.h"
#include "spelling.h"
#include "utf8.h"

/* ---- one character ---- */

enum { UNIT_MAX = 12 }; /* bytes of the longest escape: a JSON surrogate pair */

/* One escape: its length, and the bytes that it encodes. */
struct unit {
  size_t taken; /* 0: not an escape */
  size_t count;
  char bytes[4];
};

static void stand_for(struct unit *unit, size_t taken, uint32_t code) {
  unit->taken = taken;
  unit->count = utf8_write(code, unit->bytes);
}

static void read_percent(const char *text, size_t length, struct unit *unit) {
  uint32_t value;
  if (!hex_read(text + 1, length - 1, 2, &value))
    return;
  unit->taken = 3;
  unit->count = 1;
  unit->bytes[0] = (char)value;
}

/* Called at "&#". Leading zeros are allowed, within UNIT_MAX. */
static void read_html_number(const char *text, size_t length, struct unit *unit) {
  bool is_hex = length > 2 && (text[2] == 'x' || text[2] == 'X');
  size_t first = is_hex ? 3 : 2;
  size_t at = first;
  uint32_t code = 0;
  for (; at < length && at < UNIT_MAX - 1; at++) {
    int digit = hex_digit((unsigned char)text[at]);
    if (digit < 0 || (!is_hex && digit > 9) || code > 0x10FFFF)
      break;
    code = code * (is_hex ? 16 : 10) + (uint32_t)digit;
  }
  if (at > first && at < length && text[at] == ';' && code <= 0x10FFFF)
    stand_for(unit, at + 1, code);
}

static void read_html(const char *text, size_t length, struct unit *unit) {
  static const struct {
    char name[6];
    char byte;
  } names[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};
  if (length > 1 && text[1] == '#') {
    read_html_number(text, length, unit);
    return;
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    size_t size = strlen(names[i].name);
    if (length > size && memcmp(text + 1, names[i].name, size) == 0)
      stand_for(unit, size + 1, (unsigned char)names[i].byte);
  }
}

static unsigned spelling_of(char byte) {
  switch (byte) {
  case '%':
    return SPELLING_PERCENT;
  case '+':
    return SPELLING_PLUS;
  case '\\':
    return SPELLING_JSON;
  case '&':
    return SPELLING_HTML;
  default:
    return 0;
  }
}

static void read_unit(const char *text, size_t length, unsigned spelling, struct unit *unit) {
  unit->taken = 0;
  if (spelling == SPELLING_PERCENT)
    read_percent(text, length, unit);
  else if (spelling == SPELLING_PLUS)
    stand_for(unit, 1, ' ');
  else if (spelling == SPELLING_JSON)
    unit->taken = json_read_escape(text, length, unit->bytes, &unit->count);
  else if (spelling == SPELLING_HTML)
    read_html(text, length, unit);
}

/* ---- texts ---- */

static uint32_t start_of(const struct spelled *text, size_t at) {
  return text->starts != NULL ? text->starts[at] : (uint32_t)at;
}

static uint32_t end_of(const struct spelled *text, size_t at) {
  return text->ends != NULL ? text->ends[at] : (uint32_t)at + 1;
}

static void put(struct spelled *to, char byte, uint32_t start, uint32_t end) {
  to->room[to->length] = byte;
  to->starts[to->length] = start;
  to->ends[to->length] = end;
  to->length++;
}

/* False if no escape of these spellings begins in the text: most texts have none. */
static bool may_hold(const struct spelled *text, unsigned spellings) {
  static const char starts[] = "%+\\&";
  for (size_t i = 0; i < sizeof starts - 1; i++)
    if ((spelling_of(starts[i]) & spellings) != 0 &&
        memchr(text->bytes, starts[i], text->length) != NULL)
      return true;
  return false;
}

unsigned spelling_undo(const struct spelled *from, unsigned spellings, bool cut,
                       struct spelled *to) {
  unsigned found = 0;
  to->length = 0;
  if (!may_hold(from, spellings))
    return 0;
  for (size_t at = 0; at < from->length;) {
    struct unit unit;
    size_t left = from->length - at;
    unsigned spelling = spelling_of(from->bytes[at]) & spellings;
    if (cut && spelling != 0 && left < UNIT_MAX)
      break;
    read_unit(from->bytes + at, left, spelling, &unit);
    if (unit.taken == 0) {
      put(to, from->bytes[at], start_of(from, at), end_of(from, at));
      at++;
      continue;
    }
    for (size_t i = 0; i < unit.count; i++)
      put(to, unit.bytes[i], start_of(from, at), end_of(from, at + unit.taken - 1));
    at += unit.taken;
    found |= spelling;
  }
  return found;
}

/* ---- base64 ---- */

size_t spelling_base64_end(const struct spelled *text, size_t start) {
  size_t at = start;
  while (at < text->length &&
         (base64_digit(text->bytes[at]) >= 0 ||
          (at > start && strchr("\r\n", text->bytes[at]) != NULL && text->bytes[at] != '\0')))
    at++;
  return at;
}

void spelling_undo_base64(const struct spelled *from, size_t start, size_t end, unsigned phase,
                          struct spelled *to) {
  uint32_t bits = 0;
  unsigned count = 0;   /* number of bits not yet used */
  size_t first = start; /* the character that holds the first of them */
  to->length = 0;
  for (size_t at = start; at < end; at++) {
    int value = base64_digit(from->bytes[at]);
    if (value < 0)
      continue;
    if (phase > 0) {
      phase--;
      continue;
    }
    if (count == 0)
      first = at;
    bits = (bits << 6) | (uint32_t)value;
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    put(to, (char)(bits >> count & 0xFF), start_of(from, first), end_of(from, at));
    first = at;
  }
}
