#include "../base.h"

#include <string.h>

#include "json_scan.h"
#include "utf8.h"

/* ---- escapes ---- */

/* A code point as "\uXXXX" or as a pair of them. Returns its length; 0 if it is not one. */
static size_t read_code(const char *text, size_t length, uint32_t *code) {
  uint32_t low;
  if (!hex_read(text + 2, length - 2, 4, code))
    return 0;
  if (*code < 0xD800 || *code > 0xDFFF)
    return 6;
  if (*code < 0xDC00 && length >= 12 && text[6] == '\\' && text[7] == 'u' &&
      hex_read(text + 8, 4, 4, &low) && low >= 0xDC00 && low <= 0xDFFF) {
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return 12;
  }
  *code = 0xFFFD;
  return 6;
}

size_t json_read_escape(const char *text, size_t length, char out[4], size_t *count) {
  static const char letters[] = "\"\\/bfnrt";
  static const char bytes[] = "\"\\/\b\f\n\r\t";
  uint32_t code;
  if (length < 2 || text[0] != '\\')
    return 0;
  if (text[1] == 'u') {
    size_t taken = read_code(text, length, &code);
    if (taken > 0)
      *count = utf8_write(code, out);
    return taken;
  }
  const char *letter = memchr(letters, text[1], sizeof letters - 1);
  if (letter == NULL)
    return 0;
  out[0] = bytes[letter - letters];
  *count = 1;
  return 2;
}

/* ---- scan ---- */

struct scanner {
  const char *text;
  size_t length;
  size_t at;      /* the next byte to read */
  unsigned depth; /* number of open containers */
  json_visitor *visit;
  void *context;
  bool in_object[MIC_JSON_DEPTH_MAX];
  size_t starts[MIC_JSON_DEPTH_MAX];         /* offset of each open container */
  struct json_span keys[MIC_JSON_DEPTH_MAX]; /* current key in each; {0,0} in an array */
};

/* The next byte; -1 at the end. */
static int peek(const struct scanner *scanner) {
  return scanner->at < scanner->length ? (unsigned char)scanner->text[scanner->at] : -1;
}

static bool accept(struct scanner *scanner, char byte) {
  if (peek(scanner) != byte)
    return false;
  scanner->at++;
  return true;
}

static void skip_blanks(struct scanner *scanner) {
  int byte = peek(scanner);
  while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
    scanner->at++;
    byte = peek(scanner);
  }
}

static bool is_digit(int byte) {
  return byte >= '0' && byte <= '9';
}

static bool scan_digits(struct scanner *scanner) {
  if (!is_digit(peek(scanner)))
    return false;
  while (is_digit(peek(scanner)))
    scanner->at++;
  return true;
}

static bool scan_number(struct scanner *scanner) {
  (void)accept(scanner, '-');
  if (!accept(scanner, '0') && !scan_digits(scanner))
    return false;
  if (accept(scanner, '.') && !scan_digits(scanner))
    return false;
  if (!accept(scanner, 'e') && !accept(scanner, 'E'))
    return true;
  if (!accept(scanner, '+'))
    (void)accept(scanner, '-');
  return scan_digits(scanner);
}

static bool scan_string(struct scanner *scanner, struct json_span *span) {
  span->start = scanner->at;
  if (!accept(scanner, '"'))
    return false;
  for (;;) {
    const char *text = scanner->text + scanner->at;
    int byte = peek(scanner);
    char decoded[4];
    size_t count, taken = 1;
    if (byte == '\\')
      taken = json_read_escape(text, scanner->length - scanner->at, decoded, &count);
    if (byte < 0x20 || taken == 0) /* -1 at the end, too */
      return false;
    scanner->at += taken;
    if (byte == '"')
      break;
  }
  span->end = scanner->at;
  return true;
}

static bool scan_word(struct scanner *scanner, const char *word) {
  size_t length = strlen(word);
  if (length > scanner->length - scanner->at)
    return false;
  if (memcmp(scanner->text + scanner->at, word, length) != 0)
    return false;
  scanner->at += length;
  return true;
}

static bool visit(const struct scanner *scanner, enum json_kind kind, size_t start) {
  struct json_value value = {
      .kind = kind, .span = {start, scanner->at}, .depth = scanner->depth, .keys = scanner->keys};
  return !scanner->visit || scanner->visit(scanner->context, scanner->text, &value);
}

static enum json_status scan_scalar(struct scanner *scanner) {
  size_t start = scanner->at;
  struct json_span span;
  enum json_kind kind;
  bool good;
  switch (peek(scanner)) {
  case '"':
    kind = JSON_STRING;
    good = scan_string(scanner, &span);
    break;
  case 'n':
    kind = JSON_NULL;
    good = scan_word(scanner, "null");
    break;
  case 'f':
    kind = JSON_FALSE;
    good = scan_word(scanner, "false");
    break;
  case 't':
    kind = JSON_TRUE;
    good = scan_word(scanner, "true");
    break;
  default:
    kind = JSON_NUMBER;
    good = scan_number(scanner);
  }
  if (!good)
    return JSON_BROKEN;
  return visit(scanner, kind, start) ? JSON_OK : JSON_STOPPED;
}

/* Scans a key and its colon, in the innermost container. */
static bool scan_key(struct scanner *scanner) {
  skip_blanks(scanner);
  if (!scan_string(scanner, &scanner->keys[scanner->depth - 1]))
    return false;
  skip_blanks(scanner);
  return accept(scanner, ':');
}

static int closer(const struct scanner *scanner) {
  return scanner->in_object[scanner->depth - 1] ? '}' : ']';
}

/* Called at a bracket. *empty: the next byte closes the container. */
static enum json_status open_container(struct scanner *scanner, bool *empty) {
  if (scanner->depth == MIC_JSON_DEPTH_MAX)
    return JSON_TOO_DEEP;
  unsigned level = scanner->depth++;
  scanner->in_object[level] = peek(scanner) == '{';
  scanner->starts[level] = scanner->at++;
  scanner->keys[level] = (struct json_span){0, 0};
  skip_blanks(scanner);
  *empty = peek(scanner) == closer(scanner);
  if (*empty || !scanner->in_object[level])
    return JSON_OK;
  return scan_key(scanner) ? JSON_OK : JSON_BROKEN;
}

static enum json_status close_container(struct scanner *scanner) {
  scanner->at++;
  unsigned level = --scanner->depth;
  enum json_kind kind = scanner->in_object[level] ? JSON_OBJECT : JSON_ARRAY;
  return visit(scanner, kind, scanner->starts[level]) ? JSON_OK : JSON_STOPPED;
}

/* Called after a value. Closes the containers that end here, and stops at the comma before the next
   value or at the end. */
static enum json_status scan_after_value(struct scanner *scanner) {
  while (scanner->depth > 0) {
    skip_blanks(scanner);
    if (accept(scanner, ',')) {
      bool good = !scanner->in_object[scanner->depth - 1] || scan_key(scanner);
      return good ? JSON_OK : JSON_BROKEN;
    }
    if (peek(scanner) != closer(scanner))
      return JSON_BROKEN;
    enum json_status status = close_container(scanner);
    if (status != JSON_OK)
      return status;
  }
  return JSON_OK;
}

enum json_status json_scan(const char *text, size_t length, json_visitor *visitor, void *context) {
  struct scanner scanner;
  scanner.text = text;
  scanner.length = length;
  scanner.at = 0;
  scanner.depth = 0;
  scanner.visit = visitor;
  scanner.context = context;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* byte order mark */
    scanner.at = 3;
  do { /* once per scalar and opening bracket */
    skip_blanks(&scanner);
    bool opens = peek(&scanner) == '{' || peek(&scanner) == '[';
    bool ended = true;
    enum json_status status = opens ? open_container(&scanner, &ended) : scan_scalar(&scanner);
    if (status == JSON_OK && ended)
      status = scan_after_value(&scanner);
    if (status != JSON_OK)
      return status;
  } while (scanner.depth > 0);
  skip_blanks(&scanner);
  return scanner.at == length ? JSON_OK : JSON_BROKEN;
}

static bool count_down(void *context, const char *text, const struct json_value *value) {
  size_t *left = context;
  (void)text, (void)value;
  return (*left)-- > 0;
}

bool json_has_at_most(const char *text, size_t length, size_t most) {
  /* Upper bound: the first value of the text and of each container, and each value after a comma.
   */
  size_t bound = 1;
  for (size_t i = 0; i < length; i++)
    bound += (size_t)(text[i] == ',') + (size_t)(text[i] == '[') + (size_t)(text[i] == '{');
  return bound <= most || json_scan(text, length, count_down, &most) == JSON_OK;
}

/* Reads one character or escape inside a string that ends at `end`. Writes 1 to 4 bytes and returns
   how many. Text that was not validated may have a broken escape: that is the character behind the
   backslash, since three bytes for two could overrun the caller's buffer. */
static size_t next_character(const char *text, size_t *at, size_t end, char out[4]) {
  size_t count = 1, left = end - *at;
  size_t taken = json_read_escape(text + *at, left, out, &count);
  if (taken == 0) {
    taken = text[*at] == '\\' && left > 1 ? 2 : 1;
    out[0] = text[*at + taken - 1];
  }
  *at += taken;
  return count;
}

size_t json_unescape(const char *text, struct json_span span, char *out) {
  size_t length = 0;
  if (span.end < span.start || span.end - span.start < 2)
    return 0;
  size_t at = span.start + 1;
  while (at < span.end - 1) {
    char bytes[4];
    size_t count = next_character(text, &at, span.end - 1, bytes);
    if (out)
      memcpy(out + length, bytes, count);
    length += count;
  }
  return length;
}

static bool key_is(const char *text, struct json_span span, const char *key) {
  if (span.end - span.start < 2) /* in an array */
    return false;
  size_t left = strlen(key);
  size_t at = span.start + 1;
  while (at < span.end - 1) {
    char bytes[4];
    size_t count = next_character(text, &at, span.end - 1, bytes);
    if (count > left || memcmp(bytes, key, count) != 0)
      return false;
    key += count;
    left -= count;
  }
  return left == 0;
}

bool json_value_is_at(const char *text, const struct json_value *value, const char *const *path,
                      size_t count) {
  if (value->depth != count)
    return false;
  for (size_t i = 0; i < count; i++)
    if (!key_is(text, value->keys[i], path[i]))
      return false;
  return true;
}

struct search {
  const char *const *path;
  size_t count;
  struct json_value *found;
  bool present;
};

static bool search_visit(void *context, const char *text, const struct json_value *value) {
  struct search *search = context;
  if (value->depth > search->count)
    return true;
  if (!json_value_is_at(text, value, search->path, value->depth))
    return true;
  if (value->depth == search->count) {
    *search->found = *value;
    search->present = true;
  } else if (search->present && search->found->span.start < value->span.start) {
    /* A repeated container on the path replaces the first one. */
    search->present = false;
  }
  return true;
}

enum json_status json_find(const char *text, size_t length, const char *const *path, size_t count,
                           struct json_value *found, bool *present) {
  struct search search = {.path = path, .count = count, .found = found, .present = false};
  enum json_status status = json_scan(text, length, search_visit, &search);
  *present = status == JSON_OK && search.present;
  if (!*present)
    *found = (struct json_value){.kind = JSON_NULL};
  found->keys = NULL;
  return status;
}

double json_read_number(const char *text, struct json_span span) {
  size_t length = span.end - span.start;
  text += span.start;
  const double plenty = 1e17; /* more digits than a double keeps */
  double value = 0;
  long scale = 0;
  long exponent = 0;
  bool fraction = false;
  bool negative_exponent = false;
  size_t i = length > 0 && text[0] == '-' ? 1 : 0;
  for (; i < length && text[i] != 'e' && text[i] != 'E'; i++) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    if (value < plenty) {
      value = value * 10 + (text[i] - '0');
      scale -= fraction ? 1 : 0;
    } else {
      scale += fraction ? 0 : 1;
    }
  }
  for (i++; i < length; i++) {
    if (text[i] == '-')
      negative_exponent = true;
    else if (text[i] != '+' && exponent < 1000000)
      exponent = exponent * 10 + (text[i] - '0');
  }
  scale += negative_exponent ? -exponent : exponent;
  /* Ends early: when the value is 0 or beyond the largest time. */
  for (; scale > 0 && value > 0 && value <= MIC_TIME_MAX; scale--)
    value *= 10;
  for (; scale < 0 && value > 0; scale++)
    value /= 10;
  return length > 0 && text[0] == '-' ? -value : value;
}
