/* Fuzz target for json_scan: compares it with a recursive parser, and checks spans, unescaping and
   json_find; json_outline must keep a text JSON. */
#include "fuzz.h"

#include "text/json_outline.h"
#include "text/json_scan.h"

/* ---- reference: recursive, no shared code ---- */

struct reader {
  const char *at;
  const char *end;
  bool too_deep;
};

static bool read_value(struct reader *reader, int depth);

static void blanks(struct reader *reader) {
  while (reader->at < reader->end && *reader->at && strchr(" \t\r\n", *reader->at))
    reader->at++;
}

static bool take(struct reader *reader, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
    return false;
  reader->at += length;
  return true;
}

static bool one_of(struct reader *reader, const char *set) {
  if (reader->at == reader->end || !*reader->at || !strchr(set, *reader->at))
    return false;
  reader->at++;
  return true;
}

static bool digits(struct reader *reader) {
  bool any = false;
  while (one_of(reader, "0123456789"))
    any = true;
  return any;
}

static bool read_string(struct reader *reader) {
  if (!take(reader, "\""))
    return false;
  while (reader->at < reader->end && (unsigned char)*reader->at >= 0x20) {
    if (take(reader, "\""))
      return true;
    if (!take(reader, "\\")) {
      reader->at++;
      continue;
    }
    if (!take(reader, "u")) {
      if (!one_of(reader, "\"\\/bfnrt"))
        return false;
      continue;
    }
    for (int i = 0; i < 4; i++)
      if (!one_of(reader, "0123456789abcdefABCDEF"))
        return false;
  }
  return false;
}

static bool read_number(struct reader *reader) {
  (void)take(reader, "-");
  if (!take(reader, "0") && !digits(reader))
    return false;
  if (take(reader, ".") && !digits(reader))
    return false;
  if (!one_of(reader, "eE"))
    return true;
  (void)one_of(reader, "+-");
  return digits(reader);
}

static bool read_member(struct reader *reader, int depth, bool object) {
  if (object) {
    blanks(reader);
    if (!read_string(reader))
      return false;
    blanks(reader);
    if (!take(reader, ":"))
      return false;
  }
  return read_value(reader, depth);
}

static bool read_container(struct reader *reader, int depth, bool object) {
  const char *end = object ? "}" : "]";
  if (depth == MIC_JSON_DEPTH_MAX) {
    reader->too_deep = true;
    return false;
  }
  blanks(reader);
  if (take(reader, end))
    return true;
  do {
    if (!read_member(reader, depth + 1, object))
      return false;
    blanks(reader);
  } while (take(reader, ","));
  return take(reader, end);
}

static bool read_value(struct reader *reader, int depth) {
  blanks(reader);
  if (take(reader, "null") || take(reader, "true") || take(reader, "false"))
    return true;
  if (take(reader, "{"))
    return read_container(reader, depth, true);
  if (take(reader, "["))
    return read_container(reader, depth, false);
  if (reader->at < reader->end && *reader->at == '"')
    return read_string(reader);
  return read_number(reader);
}

static enum json_status second_opinion(const char *text, size_t length) {
  struct reader reader = {text, text + length, false};
  (void)take(&reader, "\xEF\xBB\xBF");
  bool good = read_value(&reader, 0);
  if (reader.too_deep)
    return JSON_TOO_DEEP;
  blanks(&reader);
  return good && reader.at == reader.end ? JSON_OK : JSON_BROKEN;
}

/* ---- invariants of every value ---- */

struct walk {
  size_t length;
  size_t last_end;
  size_t visits;
  size_t stop_after; /* 0: never */
};

static void check_string(const char *text, struct json_span span) {
  CHECK(span.end - span.start >= 2);
  CHECK(text[span.start] == '"' && text[span.end - 1] == '"');
  size_t room = span.end - span.start;
  char *out = exact_copy(text + span.start, room);
  size_t length = json_unescape(text, span, NULL);
  CHECK(length <= room - 2);
  CHECK(json_unescape(text, span, out) == length);
  if (!memchr(text + span.start, '\\', room))
    CHECK(length == room - 2 && memcmp(out, text + span.start + 1, length) == 0);
  free(out);
}

/* The value must be found at the path of its own keys. */
static void check_path(const char *text, const struct json_value *value) {
  char *names[MIC_JSON_DEPTH_MAX];
  unsigned count = 0;
  bool usable = true;
  for (; count < value->depth && usable; count++) {
    struct json_span key = value->keys[count];
    names[count] = malloc(key.end - key.start + 1);
    if (!names[count])
      abort();
    size_t length = json_unescape(text, key, names[count]);
    names[count][length] = '\0';
    usable = key.end > 0 && !memchr(names[count], '\0', length);
  }
  const char *const *path = (const char *const *)names;
  if (count == value->depth)
    CHECK(json_value_is_at(text, value, path, count) == usable);
  CHECK(!json_value_is_at(text, value, path, value->depth + 1u));
  while (count > 0)
    free(names[--count]);
}

static bool visit(void *context, const char *text, const struct json_value *value) {
  static const char firsts[] = {'n', 'f', 't', '-', '"', '[', '{'};
  struct walk *walk = context;
  CHECK(value->span.start < value->span.end && value->span.end <= walk->length);
  CHECK(value->span.end > walk->last_end); /* values are visited in the order of their ends */
  walk->last_end = value->span.end;
  char first = text[value->span.start];
  CHECK(first == firsts[value->kind] ||
        (value->kind == JSON_NUMBER && first >= '0' && first <= '9'));
  CHECK(value->depth <= MIC_JSON_DEPTH_MAX);
  CHECK(value->kind < JSON_ARRAY || value->depth < MIC_JSON_DEPTH_MAX);
  for (unsigned i = 0; i < value->depth; i++) {
    struct json_span key = value->keys[i];
    if (key.end == 0)
      continue;
    CHECK(key.start < key.end && key.end < value->span.start);
    check_string(text, key);
  }
  if (value->kind == JSON_STRING)
    check_string(text, value->span);
  CHECK(second_opinion(text + value->span.start, value->span.end - value->span.start) == JSON_OK);
  check_path(text, value);
  return ++walk->visits != walk->stop_after;
}

/* ---- reference for json_find: the last member of the right parent ---- */

static const char *const wanted[] = {"credentials", "token"};

struct slow_find {
  size_t count;
  struct json_span parent;
  bool present;
  struct json_span span;
};

static bool slow_visit(void *context, const char *text, const struct json_value *value) {
  struct slow_find *find = context;
  bool inside = find->count < 2 ||
                (value->span.start > find->parent.start && value->span.end < find->parent.end);
  if (inside && json_value_is_at(text, value, wanted, find->count)) {
    find->present = true;
    find->span = value->span;
  }
  return true;
}

static void check_find(const char *text, size_t length, enum json_status verdict) {
  struct json_value found;
  bool present;
  CHECK(json_find(text, length, wanted, 2, &found, &present) == verdict);
  CHECK(found.keys == NULL);
  struct slow_find outer = {.count = 1};
  struct slow_find inner = {.count = 2};
  json_scan(text, length, slow_visit, &outer);
  inner.parent = outer.span;
  if (outer.present)
    json_scan(text, length, slow_visit, &inner);
  CHECK(present == (verdict == JSON_OK && inner.present));
  if (present)
    CHECK(found.span.start == inner.span.start && found.span.end == inner.span.end);
}

/* An outline is JSON on one line, and the outline of itself; it is cut where there is no more room.
 */
static void check_outline(const char *text, size_t length, enum json_status verdict) {
  struct buffer once, twice, names, cut;
  enum json_outline wanted = verdict == JSON_OK ? JSON_OUTLINE_DONE : JSON_OUTLINE_UNREADABLE;
  buffer_init(&once, 4 * length + 16, false);
  buffer_init(&twice, 4 * length + 16, false);
  buffer_init(&names, 4 * length + 16, false);
  buffer_init(&cut, length / 2 + 1, false);
  CHECK(json_outline(text, length, false, &once) == wanted);
  CHECK(json_outline(text, length, true, &names) == wanted);
  CHECK(json_outline(text, length, false, &cut) == wanted);
  if (verdict == JSON_OK) {
    CHECK(once.length > 0 && json_scan(once.data, once.length, NULL, NULL) == JSON_OK);
    CHECK(json_outline(once.data, once.length, false, &twice) == JSON_OUTLINE_DONE);
    CHECK(twice.length == once.length && memcmp(twice.data, once.data, once.length) == 0);
    CHECK(memcmp(cut.data, once.data, cut.length) == 0);
    CHECK(cut.length == once.length || cut.length == cut.limit);
  } else {
    CHECK(once.length == 0 && names.length == 0);
  }
  buffer_free(&once);
  buffer_free(&twice);
  buffer_free(&names);
  buffer_free(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = exact_copy(data, size);
  struct walk walk = {.length = size};
  enum json_status verdict = json_scan(text, size, visit, &walk);
  CHECK(verdict == second_opinion(text, size));
  CHECK(verdict == json_scan(text, size, NULL, NULL));
  if (walk.visits > 1) {
    struct walk stopped = {.length = size, .stop_after = walk.visits / 2};
    CHECK(json_scan(text, size, visit, &stopped) == JSON_STOPPED);
    CHECK(stopped.visits == stopped.stop_after);
  }
  if (verdict == JSON_OK) {
    CHECK(json_has_at_most(text, size, walk.visits));
    CHECK(!json_has_at_most(text, size, walk.visits - 1));
  }
  check_find(text, size, verdict);
  check_outline(text, size, verdict);
  free(text);
  return 0;
}
