/* Fuzz target for mask, with two secrets and a text. Compares the matches with a simple reference
   that tries every secret at every position of every decoding. Then the first secret itself, with
   each character spelled as the text selects, must be masked as a whole. */
#include "fuzz.h"

#include "text/secret_finder.h"
#include "text/utf8.h"

enum { PERCENT = 1, PLUS = 2, JSON = 4, HTML = 8, ALL = PERCENT | JSON | HTML };

/* ---- reference ---- */

struct character {
  unsigned char byte;
  size_t start, end; /* in the original */
};

struct decoded {
  struct character *characters;
  size_t length;
  unsigned found;
};

struct reference {
  const struct secret *secrets;
  size_t count;
  bool cut;
  size_t length;
  bool *covered;
};

static struct decoded as_it_is(const char *text, size_t length) {
  struct decoded all = {calloc(length + 1, sizeof(struct character)), length, 0};
  for (size_t i = 0; i < length; i++)
    all.characters[i] = (struct character){(unsigned char)text[i], i, i + 1};
  return all;
}

static bool starts(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* The code point of `count` digits; -1 if one is invalid. */
static long code_of(const char *digits, size_t count, int base) {
  char copy[16] = {0};
  for (size_t i = 0; i < count; i++) {
    int value = hex_digit((unsigned char)digits[i]);
    if (value < 0 || value >= base)
      return -1;
    copy[i] = digits[i];
  }
  return count > 0 ? strtol(copy, NULL, base) : -1;
}

/* The length of the escape at the NUL-terminated `text`; 0 if there is none. */
static size_t spelled(const char *text, unsigned spellings, char out[4], size_t *count) {
  static const char *const names[] = {"\"&quot;", "&&amp;", "<&lt;", ">&gt;", "'&apos;"};
  static const char *const escapes[] = {"\"\\\"", "\\\\\\", "/\\/",  "\b\\b",
                                        "\f\\f",  "\n\\n",  "\r\\r", "\t\\t"};
  long code = -1;
  size_t length = 0;
  *count = 1;
  if ((spellings & PLUS) && *text == '+') {
    out[0] = ' ';
    return 1;
  }
  if ((spellings & PERCENT) && *text == '%' && code_of(text + 1, 2, 16) >= 0) {
    out[0] = (char)code_of(text + 1, 2, 16);
    return 3;
  }
  for (size_t i = 0; (spellings & JSON) && i < sizeof escapes / sizeof *escapes; i++)
    if (starts(text, escapes[i] + 1)) {
      out[0] = escapes[i][0];
      return 2;
    }
  for (size_t i = 0; (spellings & HTML) && i < sizeof names / sizeof *names; i++)
    if (starts(text, names[i] + 1)) {
      out[0] = names[i][0];
      return strlen(names[i] + 1);
    }
  if ((spellings & JSON) && starts(text, "\\u")) {
    code = code_of(text + 2, 4, 16);
    length = 6;
    long low =
        code >= 0xD800 && code < 0xDC00 && starts(text + 6, "\\u") ? code_of(text + 8, 4, 16) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
      length = 12;
    } else if (code >= 0xD800 && code < 0xE000) {
      code = 0xFFFD;
    }
  } else if ((spellings & HTML) && starts(text, "&#")) {
    bool is_hex = text[2] == 'x' || text[2] == 'X';
    size_t first = is_hex ? 3 : 2;
    const char *end = strchr(text + first, ';');
    size_t digits = end ? (size_t)(end - text) - first : 0;
    if (digits > 0 && first + digits < 12)
      code = code_of(text + first, digits, is_hex ? 16 : 10);
    length = first + digits + 1;
  }
  if (code < 0 || code > 0x10FFFF)
    return 0;
  *count = utf8_write((uint32_t)code, out);
  return length;
}

static bool begins_unit(unsigned char byte, unsigned spellings) {
  return (byte == '%' && (spellings & PERCENT)) || (byte == '+' && (spellings & PLUS)) ||
         (byte == '\\' && (spellings & JSON)) || (byte == '&' && (spellings & HTML));
}

static struct decoded undo(const struct decoded *from, unsigned spellings, bool cut) {
  struct decoded to = {calloc(from->length + 1, sizeof(struct character)), 0, 0};
  char *text = calloc(from->length + 16, 1);
  for (size_t i = 0; i < from->length; i++)
    text[i] = (char)from->characters[i].byte;
  for (size_t at = 0; at < from->length;) {
    char out[4];
    size_t count = 1, taken = 0;
    if (begins_unit(from->characters[at].byte, spellings)) {
      if (cut && from->length - at < 12)
        break;
      taken = spelled(text + at, spellings, out, &count);
      if (taken > 0)
        to.found |= text[at] == '%'    ? PERCENT
                    : text[at] == '+'  ? PLUS
                    : text[at] == '\\' ? JSON
                                       : HTML;
    }
    if (taken == 0) {
      to.characters[to.length++] = from->characters[at++];
      continue;
    }
    for (size_t i = 0; i < count; i++)
      to.characters[to.length++] = (struct character){
          (unsigned char)out[i], from->characters[at].start, from->characters[at + taken - 1].end};
    at += taken;
  }
  free(text);
  return to;
}

static bool same(const struct secret *secret, size_t at, unsigned char byte) {
  unsigned char wanted = (unsigned char)secret->bytes[at];
  if (secret->length >= MASK_ANY_CASE_MIN && byte < 128 && wanted < 128) {
    unsigned char upper = byte >= 'a' && byte <= 'z' ? (unsigned char)(byte - 32) : byte;
    unsigned char other = wanted >= 'a' && wanted <= 'z' ? (unsigned char)(wanted - 32) : wanted;
    return upper == other;
  }
  return byte == wanted;
}

static void cover(struct reference *reference, size_t start, size_t end) {
  for (size_t i = start; i < end; i++)
    reference->covered[i] = true;
}

static void try_all(struct reference *reference, const struct character *characters, size_t length,
                    bool open) {
  for (size_t s = 0; s < reference->count; s++) {
    const struct secret *secret = &reference->secrets[s];
    for (size_t i = 0; i < length && secret->length >= MASK_INSIDE_MIN; i++) {
      size_t matched = 0;
      while (matched < secret->length && i + matched < length &&
             same(secret, matched, characters[i + matched].byte))
        matched++;
      if (matched == secret->length)
        cover(reference, characters[i].start, characters[i + matched - 1].end);
      else if (open && i + matched == length && matched >= MASK_INSIDE_MIN)
        cover(reference, characters[i].start, reference->length);
    }
  }
}

static int base64(unsigned char byte) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  byte = byte == '-' ? '+' : byte == '_' ? '/' : byte;
  const char *letter = byte ? strchr(letters, byte) : NULL;
  return letter ? (int)(letter - letters) : -1;
}

/* Decodes bit by bit. */
static void try_run(struct reference *reference, const struct character *run, size_t length,
                    bool open) {
  struct character *bytes = calloc(length + 1, sizeof *bytes);
  for (size_t phase = 0; phase < 4; phase++) {
    size_t count = 0, bit = 0, skip = phase;
    unsigned char byte = 0;
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
      int value = base64(run[i].byte);
      if (value < 0 || skip > 0) {
        skip -= value >= 0;
        continue;
      }
      for (int k = 5; k >= 0; k--) {
        if (bit == 0)
          start = run[i].start;
        byte = (unsigned char)(byte << 1 | (value >> k & 1));
        if (++bit == 8) {
          bytes[count++] = (struct character){byte, start, run[i].end};
          bit = 0;
        }
      }
    }
    try_all(reference, bytes, count, open);
  }
  free(bytes);
}

static void try_base64(struct reference *reference, const struct decoded *text) {
  for (size_t at = 0; at < text->length; at++) {
    size_t end = at;
    while (end < text->length && (base64(text->characters[end].byte) >= 0 ||
                                  (end > at && (text->characters[end].byte == '\r' ||
                                                text->characters[end].byte == '\n'))))
      end++;
    if (end - at >= 6)
      try_run(reference, text->characters + at, end - at, reference->cut && end == text->length);
    at = end > at ? end - 1 : at;
  }
}

static void try_text(struct reference *reference, const struct decoded *text, bool in_base64) {
  try_all(reference, text->characters, text->length, reference->cut);
  for (size_t s = 0; s < reference->count && !reference->cut; s++) {
    const struct secret *secret = &reference->secrets[s];
    size_t i = 0;
    while (i < secret->length && i < text->length &&
           text->characters[i].byte == (unsigned char)secret->bytes[i])
      i++;
    if (secret->length > 0 && secret->length < MASK_INSIDE_MIN && i == secret->length &&
        i == text->length)
      cover(reference, 0, reference->length);
  }
  if (in_base64)
    try_base64(reference, text);
}

/* The decodings of mask.h: two layers of each spelling alone and all at once; a third of all at
   once; a form as the last layer. */
static void try_layers(struct reference *reference, const struct decoded *text, int depth) {
  static const unsigned ways[] = {PERCENT, JSON, HTML, ALL, PERCENT | PLUS, ALL | PLUS};
  for (int i = 0; i < 6; i++) {
    bool is_form = ways[i] & PLUS, is_all = (ways[i] & ALL) == ALL;
    if (depth == 2 && !is_all && !is_form)
      continue;
    struct decoded layer = undo(text, ways[i], reference->cut);
    if (is_form ? layer.found & PLUS : layer.found) {
      try_text(reference, &layer, depth == 0 && !is_form);
      if (!is_form && depth < 2 && (depth == 0 || is_all))
        try_layers(reference, &layer, depth + 1);
    }
    free(layer.characters);
  }
}

static void try_decodings(struct reference *reference, const char *text) {
  struct decoded whole = as_it_is(text, reference->length);
  try_text(reference, &whole, true);
  try_layers(reference, &whole, 0);
  free(whole.characters);
}

/* ---- comparison ---- */

static void check_against(const struct secret *secrets, size_t count, const char *bytes,
                          size_t length, bool cut) {
  char *text = exact_copy(bytes, length);
  struct reference reference = {secrets, count, cut, length, calloc(length + 1, sizeof(bool))};
  try_decodings(&reference, text);
  struct mask mask;
  mask_init(&mask);
  for (size_t i = 0; i < count; i++)
    mask_add(&mask, &secrets[i]);
  CHECK(mask_begin(&mask, length));
  bool found = mask_find(&mask, text, length, cut);
  size_t at = 0, start = 0, end = 0, seen = 0;
  while (found && mask_next(&mask, &at, &start, &end)) {
    CHECK(start >= seen && end > start && end <= length && at == end);
    for (; seen < start; seen++)
      CHECK(!reference.covered[seen]);
    for (; seen < end; seen++)
      CHECK(reference.covered[seen]);
  }
  for (; seen < length; seen++)
    CHECK(!reference.covered[seen]);
  mask_end(&mask);
  free(reference.covered);
  free(text);
}

/* Spells a byte in one of the ways of a decoding. */
static size_t spell(char byte, unsigned way, unsigned which, char out[16]) {
  static const char letters[] = "\"\\/\b\f\n\r\t";
  static const char escapes[] = "\"\\/bfnrt";
  unsigned value = (unsigned char)byte;
  const char *letter = value ? strchr(letters, byte) : NULL;
  bool must = byte == '%' || byte == '\\' || byte == '&';
  if (!must && (which & 3) == 0) {
    out[0] = byte;
    return 1;
  }
  if (way == PERCENT)
    return (size_t)sprintf(out, which & 4 ? "%%%02x" : "%%%02X", value);
  if (value >= 128) {
    out[0] = byte;
    return 1;
  }
  if (way == HTML)
    return (size_t)sprintf(out, which & 4 ? "&#%u;" : which & 8 ? "&#x%x;" : "&#X%04X;", value);
  if (letter && (which & 8))
    return (size_t)sprintf(out, "\\%c", escapes[letter - letters]);
  return (size_t)sprintf(out, which & 4 ? "\\u%04x" : "\\u%04X", value);
}

static void check_spelled(const struct secret *secret, const char *choices, size_t length) {
  static const unsigned ways[] = {PERCENT, JSON, HTML};
  if (secret->length < MASK_INSIDE_MIN || length == 0)
    return;
  char *text = malloc(secret->length * 16);
  CHECK(text);
  for (size_t way = 0; way < 3; way++) {
    size_t size = 0;
    for (size_t i = 0; i < secret->length; i++)
      size += spell(secret->bytes[i], ways[way], (unsigned char)choices[i % length], text + size);
    struct mask mask;
    mask_init(&mask);
    mask_add(&mask, secret);
    CHECK(mask_begin(&mask, size));
    char *masked = exact_copy(text, size);
    CHECK(mask_overwrite(&mask, masked, size));
    for (size_t i = 0; i < size; i++)
      CHECK(masked[i] == '*');
    mask_end(&mask);
    free(masked);
  }
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  struct secret secrets[2] = {{NULL, 0}, {NULL, 0}};
  const char *bytes = (const char *)data + 2;
  size_t left = size - 2;
  for (size_t i = 0; i < 2; i++) {
    size_t length = data[i] / 2 < left ? data[i] / 2 : left;
    CHECK(secret_set(&secrets[i], bytes, length));
    bytes += length;
    left -= length;
  }
  check_against(secrets, 2, bytes, left, data[0] % 2 == 1);
  check_spelled(&secrets[0], bytes, left);
  secret_clear(&secrets[0]);
  secret_clear(&secrets[1]);
  return 0;
}
