/* Unit tests of the core's leaves without Lua: buffer, secret, mask, json_scan, jwt, header,
   sha256. An argument selects a section; without one, all run. Link with
   -Wl,--wrap=malloc,--wrap=realloc,--wrap=free. */
#include "base.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ascii.h"
#include "text/buffer.h"
#include "text/header.h"
#include "text/json_outline.h"
#include "text/json_scan.h"
#include "text/jwt.h"
#include "text/secret.h"
#include "text/secret_finder.h"
#include "text/secret_names.h"
#include "text/sha256.h"

static int checks;
static int failures;

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

static void check(bool good, const char *condition, const char *file, int line) {
  checks++;
  if (good)
    return;
  failures++;
  fprintf(stderr, "%s:%d: failed: %s\n", file, line, condition);
}

/* ---- allocator that can fail and inspects freed memory ---- */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);

static bool no_memory;
static const char *watched; /* must not be in freed memory */
static size_t watched_size; /* bytes of freed memory to search */
static int seen_in_freed;
static int frees;

void *__wrap_malloc(size_t size) {
  return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size) {
  return no_memory ? NULL : __real_realloc(old, size);
}

void __wrap_free(void *memory) {
  if (memory && watched) {
    frees++;
    if (memmem(memory, watched_size, watched, strlen(watched)))
      seen_in_freed++;
  }
  __real_free(memory);
}

static void watch(const char *text, size_t size) {
  watched = text;
  watched_size = size;
  seen_in_freed = 0;
  frees = 0;
}

/* ---- buffer ---- */

static bool holds(const struct buffer *buffer, const char *text) {
  return buffer->length == strlen(text) && memcmp(buffer->data, text, buffer->length) == 0;
}

static void test_buffer_growth(bool secret) {
  struct buffer buffer;
  buffer_init(&buffer, 1000, secret);
  CHECK(buffer.data == NULL && buffer.length == 0 && buffer.capacity == 0);
  CHECK(buffer_append(&buffer, NULL, 0) == BUFFER_OK);
  CHECK(buffer_append_text(&buffer, "") == BUFFER_OK);
  CHECK(buffer.data == NULL);
  for (int i = 0; i < 1000; i++) {
    char byte = (char)('a' + i % 26);
    CHECK(buffer_append(&buffer, &byte, 1) == BUFFER_OK);
    CHECK(buffer.length <= buffer.capacity && buffer.capacity <= 1000);
  }
  bool good = true;
  for (int i = 0; i < 1000; i++)
    good = good && buffer.data[i] == 'a' + i % 26;
  CHECK(good);
  CHECK(buffer.length == 1000 && buffer.capacity == 1000);
  CHECK(buffer_append(&buffer, "x", 1) == BUFFER_FULL);
  CHECK(buffer_append(&buffer, "x", SIZE_MAX) == BUFFER_FULL);
  CHECK(buffer_append_json(&buffer, "x", 1) == BUFFER_FULL);
  CHECK(buffer_append(&buffer, "", 0) == BUFFER_OK);
  CHECK(buffer.length == 1000);
  buffer_free(&buffer);
  CHECK(buffer.data == NULL && buffer.length == 0 && buffer.capacity == 0);
  CHECK(buffer.limit == 1000 && buffer.secret == secret);
  buffer_free(&buffer);
  CHECK(buffer_append_text(&buffer, "again") == BUFFER_OK && holds(&buffer, "again"));
  buffer_free(&buffer);
}

static void test_buffer_limits(void) {
  struct buffer buffer;
  buffer_init(&buffer, 0, false);
  CHECK(buffer_append(&buffer, "x", 1) == BUFFER_FULL);
  buffer_init(&buffer, 5, false);
  CHECK(buffer_append_text(&buffer, "abc") == BUFFER_OK);
  CHECK(buffer_append_text(&buffer, "def") == BUFFER_FULL);
  CHECK(holds(&buffer, "abc"));
  CHECK(buffer_append_json(&buffer, "\"x", 2) == BUFFER_FULL);
  CHECK(holds(&buffer, "abc"));
  CHECK(buffer_append_text(&buffer, "de") == BUFFER_OK);
  CHECK(holds(&buffer, "abcde") && buffer.capacity == 5);
  buffer_free(&buffer);
  buffer_init(&buffer, SIZE_MAX, false);
  CHECK(buffer_append_text(&buffer, "a") == BUFFER_OK);
  CHECK(buffer_append(&buffer, "b", SIZE_MAX) == BUFFER_FULL);
  CHECK(holds(&buffer, "a"));
  buffer_free(&buffer);
}

static void test_buffer_no_memory(bool secret) {
  struct buffer buffer;
  char bytes[512];
  memset(bytes, 'x', sizeof bytes);
  buffer_init(&buffer, 10000, secret);
  no_memory = true;
  enum buffer_status first = buffer_append_text(&buffer, "abc");
  no_memory = false;
  CHECK(first == BUFFER_NO_MEMORY && buffer.data == NULL && buffer.capacity == 0);
  CHECK(buffer_append_text(&buffer, "abc") == BUFFER_OK);
  no_memory = true;
  enum buffer_status second = buffer_append(&buffer, bytes, sizeof bytes);
  enum buffer_status third = buffer_append_json(&buffer, bytes, sizeof bytes);
  no_memory = false;
  CHECK(second == BUFFER_NO_MEMORY && third == BUFFER_NO_MEMORY);
  CHECK(holds(&buffer, "abc"));
  CHECK(buffer_append_text(&buffer, "def") == BUFFER_OK && holds(&buffer, "abcdef"));
  buffer_free(&buffer);
}

static void test_buffer_clear(void) {
  struct buffer buffer;
  buffer_init(&buffer, 10000, false);
  buffer_clear(&buffer, 0);
  CHECK(buffer_append_text(&buffer, "abc") == BUFFER_OK);
  char *data = buffer.data;
  size_t capacity = buffer.capacity;
  buffer_clear(&buffer, capacity);
  CHECK(buffer.data == data && buffer.length == 0 && buffer.capacity == capacity);
  CHECK(buffer_append_text(&buffer, "d") == BUFFER_OK && holds(&buffer, "d"));
  buffer_clear(&buffer, capacity - 1);
  CHECK(buffer.capacity <= capacity - 1 && buffer.length == 0);
  CHECK(buffer_append_text(&buffer, "e") == BUFFER_OK && holds(&buffer, "e"));
  buffer_free(&buffer);
}

static void test_buffer_wipes(void) {
  struct buffer buffer;
  const char *text = "correct horse";
  buffer_init(&buffer, 10000, true);
  watch(text, 256); /* the first capacity: no smaller block is freed here */
  CHECK(buffer_append_text(&buffer, text) == BUFFER_OK);
  CHECK(buffer.capacity >= watched_size);
  size_t first = buffer.capacity;
  while (buffer.capacity == first)
    CHECK(buffer_append_text(&buffer, text) == BUFFER_OK);
  CHECK(frees == 1 && seen_in_freed == 0);
  buffer_clear(&buffer, buffer.capacity);
  CHECK(memmem(buffer.data, buffer.capacity, text, strlen(text)) == NULL);
  CHECK(buffer_append_text(&buffer, text) == BUFFER_OK);
  buffer_clear(&buffer, 0);
  CHECK(frees == 2 && seen_in_freed == 0);
  CHECK(buffer_append_text(&buffer, text) == BUFFER_OK);
  buffer_free(&buffer);
  CHECK(frees == 3 && seen_in_freed == 0);
  watch(NULL, 0);
}

static void test_buffer_json(void) {
  struct buffer buffer;
  buffer_init(&buffer, 10000, false);
  CHECK(buffer_append_json(&buffer, NULL, 0) == BUFFER_OK && buffer.length == 0);
  CHECK(buffer_append_json(&buffer, "a\"b\\c/d", 7) == BUFFER_OK);
  CHECK(holds(&buffer, "a\\\"b\\\\c/d"));
  buffer_clear(&buffer, 10000);
  CHECK(buffer_append_json(&buffer, "\b\f\n\r\t\0\x01\x1f\x7f\xc3\xa5", 11) == BUFFER_OK);
  CHECK(holds(&buffer, "\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f\xc3\xa5"));
  buffer_free(&buffer);
  buffer_init(&buffer, 6, false);
  CHECK(buffer_append_json(&buffer, "\x01", 1) == BUFFER_OK && buffer.length == 6);
  buffer_free(&buffer);
  buffer_init(&buffer, 5, false);
  CHECK(buffer_append_json(&buffer, "\x01", 1) == BUFFER_FULL && buffer.length == 0);
  buffer_free(&buffer);
}

static void test_buffer(void) {
  test_buffer_growth(false);
  test_buffer_growth(true);
  test_buffer_limits();
  test_buffer_no_memory(false);
  test_buffer_no_memory(true);
  test_buffer_clear();
  test_buffer_wipes();
  test_buffer_json();
}

/* ---- secret ---- */

static void test_secret_life(void) {
  struct secret secret = {NULL, 0};
  secret_clear(&secret);
  CHECK(secret_set(&secret, "tok\0en", 6));
  CHECK(secret.length == 6 && memcmp(secret.bytes, "tok\0en", 7) == 0);
  CHECK(secret_set(&secret, secret.bytes + 4, 2)); /* overlapping */
  CHECK(secret.length == 2 && strcmp(secret.bytes, "en") == 0);
  CHECK(!secret_set(&secret, "x", SIZE_MAX));
  CHECK(secret.length == 2 && strcmp(secret.bytes, "en") == 0);
  no_memory = true;
  bool set = secret_set(&secret, "new", 3);
  no_memory = false;
  CHECK(!set && secret.length == 2 && strcmp(secret.bytes, "en") == 0);
  CHECK(secret_set(&secret, NULL, 0));
  CHECK(secret.bytes != NULL && secret.length == 0 && secret.bytes[0] == '\0');
  secret_clear(&secret);
  CHECK(secret.bytes == NULL && secret.length == 0);
}

static void test_secret_wipes(void) {
  struct secret a = {NULL, 0};
  struct secret b = {NULL, 0};
  const char *text = "0123456789abcdef";
  char bytes[4] = {1, 2, 3, 4};
  secret_wipe(bytes + 1, 2);
  CHECK(memcmp(bytes, "\1\0\0\4", 4) == 0);
  secret_wipe(bytes, 0);
  secret_wipe(NULL, 0);
  CHECK(bytes[0] == 1);
  CHECK(secret_set(&a, text, 16) && secret_set(&b, text, 16));
  watch(text + 8, 16); /* the allocator overwrites the head of freed memory */
  secret_move(&a, &b); /* frees the old value of a */
  CHECK(frees == 1 && seen_in_freed == 0);
  CHECK(secret_set(&a, text, 16)); /* frees the moved one */
  CHECK(frees == 2 && seen_in_freed == 0);
  secret_clear(&a);
  CHECK(frees == 3 && seen_in_freed == 0);
  watch(NULL, 0);
}

static void test_secret_move(void) {
  struct secret a = {NULL, 0};
  struct secret b = {NULL, 0};
  CHECK(secret_set(&a, "a", 1));
  char *bytes = a.bytes;
  secret_move(&b, &a);
  CHECK(a.bytes == NULL && a.length == 0 && b.bytes == bytes && b.length == 1);
  secret_move(&b, &b);
  CHECK(b.bytes == bytes && b.length == 1);
  secret_move(&b, &a); /* an unset secret makes b unset */
  CHECK(b.bytes == NULL && b.length == 0);
}

static void test_secret_equal(void) {
  struct secret a = {NULL, 0};
  struct secret b = {NULL, 0};
  CHECK(secret_equal(&a, &b));
  CHECK(secret_set(&a, "", 0));
  CHECK(!secret_equal(&a, &b) && !secret_equal(&b, &a));
  CHECK(secret_set(&b, "", 0) && secret_equal(&a, &b));
  CHECK(secret_set(&a, "abc\0d", 5) && secret_set(&b, "abc\0d", 5) && secret_equal(&a, &b));
  CHECK(secret_set(&b, "abc\0e", 5) && !secret_equal(&a, &b));
  CHECK(secret_set(&b, "Xbc\0d", 5) && !secret_equal(&a, &b));
  CHECK(secret_set(&b, "abc", 3) && !secret_equal(&a, &b) && !secret_equal(&b, &a));
  CHECK(secret_equal(&a, &a));
  secret_clear(&a);
  secret_clear(&b);
}

static void test_secret(void) {
  test_secret_life();
  test_secret_wipes();
  test_secret_move();
  test_secret_equal();
}

/* ---- mask ---- */

/* Compares the text with each match replaced by "#". */
static void check_shown(const struct mask *mask, const char *text, size_t length,
                        const char *expected, int line) {
  char shown[256];
  size_t size = 0, at = 0, copied = 0, start, end;
  while (mask_next(mask, &at, &start, &end)) {
    memcpy(shown + size, text + copied, start - copied);
    size += start - copied;
    shown[size++] = '#';
    copied = end;
  }
  memcpy(shown + size, text + copied, length - copied);
  size += length - copied;
  shown[size] = '\0';
  check(strcmp(shown, expected) == 0, shown, __FILE__, line);
}

/* `first` and `second`: the secrets. */
static void check_mask(const char *first, const char *second, const char *text, bool cut,
                       const char *expected, int line) {
  struct secret secrets[2] = {{NULL, 0}, {NULL, 0}};
  size_t length = strlen(text);
  char *exact = malloc(length + 1);
  struct mask mask;
  mask_init(&mask);
  CHECK(secret_set(&secrets[0], first, strlen(first)));
  CHECK(secret_set(&secrets[1], second, strlen(second)));
  mask_add(&mask, &secrets[0]);
  mask_add(&mask, &secrets[1]);
  mask_add(&mask, &secrets[0]);
  CHECK(mask.count == (first[0] != '\0') + (second[0] != '\0'));
  if (exact && mask_begin(&mask, length)) {
    memcpy(exact, text, length);
    bool found = mask_find(&mask, exact, length, cut);
    check(found == (strchr(expected, '#') != NULL), text, __FILE__, line);
    if (found)
      check_shown(&mask, exact, length, expected, line);
    mask_end(&mask);
  }
  free(exact);
  secret_clear(&secrets[0]);
  secret_clear(&secrets[1]);
}

static void test_mask_places(void) {
  check_mask("", "", "", false, "", __LINE__);
  check_mask("", "", "abcd", false, "abcd", __LINE__);
  check_mask("abcd", "", "", false, "", __LINE__);
  check_mask("abcde", "", "abcd", false, "abcd", __LINE__);
  check_mask("abcd", "", "abcd", false, "#", __LINE__);
  check_mask("abcd", "", "xabcdx", false, "x#x", __LINE__);
  check_mask("abcd", "", "abcdabcd", false, "##", __LINE__);
  check_mask("abcd", "", "abcABCD", false, "abcABCD", __LINE__);
  check_mask("abab", "", "xababab", false, "x#", __LINE__);
  check_mask("aaaa", "", "aaabaaaaaaa", false, "aaab#", __LINE__);
  check_mask("aabaa", "", "aabaabaab", false, "#b", __LINE__);
  check_mask("abcd", "abcdefgh", "abcdefgh abcdef", false, "# #ef", __LINE__);
  check_mask("abcd", "cdef", "abcdef", false, "#", __LINE__);
  check_mask("Abcdefghijkl", "", "aBCDEFGHIJKL", false, "#", __LINE__);
}

static void test_mask_short(void) {
  check_mask("abc", "", "abc", false, "#", __LINE__);
  check_mask("abc", "", "ABC", false, "ABC", __LINE__);
  check_mask("abc", "", "abcabc", false, "abcabc", __LINE__);
  check_mask("a", "", "%61", false, "#", __LINE__);
}

static void test_mask_cut(void) {
  check_mask("abcdefgh", "", "xabcd", false, "xabcd", __LINE__);
  check_mask("abcdefgh", "", "xabcd", true, "x#", __LINE__);
  check_mask("abcdefgh", "", "xabc", true, "xabc", __LINE__);
  check_mask("abcdefghijklmno", "", "x%61bcdefghijkl%", true, "x#", __LINE__);
  check_mask("abcdefghijklmno", "", "x%61bcdefghijkl%6", true, "x#", __LINE__);
  check_mask("abcdefgh", "", "YWJjZGVm", true, "#", __LINE__);
}

static void test_mask_spellings(void) {
  check_mask("a/b\"c d", "", "x a%2fb%22c%20d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a%2Fb%22c+d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x %61%2F%62%22%63%20%64", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a%252fb%2522c%2520d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a\\/b\\\"c d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a\\u002Fb\\u0022c\\u0020d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a\\/b\\\\\\\"c d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a&#x2F;b&quot;c&#32;d", false, "x #", __LINE__);
  check_mask("a/b\"c d", "", "x a&#47;b&#034;c d", false, "x #", __LINE__);
  check_mask("a&b<c>'d", "", "x a&amp;b&lt;c&gt;&apos;d", false, "x #", __LINE__);
  check_mask("a&b<c>'d", "", "x a\\u0026amp;b&lt;c&gt;&#39;d", false, "x #", __LINE__);
  check_mask("p\xc3\xa9\xf0\x9f\x98\x80q", "", "p\\u00e9\\ud83d\\uDE00q", false, "#", __LINE__);
  check_mask("p\xc3\xa9\xf0\x9f\x98\x80q", "", "p&#233;&#x1f600;q", false, "#", __LINE__);
  check_mask("p\xc3\xa9\xf0\x9f\x98\x80q", "", "p%C3%a9%F0%9F%98%80q", false, "#", __LINE__);
  /* A secret that itself looks like an escape. */
  check_mask("a%41b\xc3\xa9", "", "a%41b\\u00e9", false, "#", __LINE__);
  check_mask("a%41b\xc3\xa9", "", "a%2541b%C3%A9", false, "#", __LINE__);
  check_mask("a%41b\xc3\xa9", "", "a%41b\xc3\xa9", false, "#", __LINE__);
  check_mask("a&amp;b", "", "a&amp;amp;b a&amp;b", false, "# #", __LINE__);
  check_mask("a+b c", "", "a%2Bb+c a+b+c", false, "# a+b+c", __LINE__);
}

static void test_mask_base64(void) {
  check_mask("secret", "", "c2VjcmV0 =", false, "# =", __LINE__);
  check_mask("secret", "", "Basic dTpzZWNyZXQ=", false, "Basic dT#=", __LINE__);
  check_mask("secret", "", "dXU6c2VjcmV0", false, "dXU6#", __LINE__);
  check_mask("secret", "", "dXV1OnNlY3JldA==", false, "dXV1O#==", __LINE__);
  check_mask("\xfb\xff\xfe?", "", "+//+Pw== -__-Pw", false, "#== #", __LINE__);
  check_mask("secret", "", "c2Vj\r\ncmV0", false, "#", __LINE__);
  check_mask("\xfb\xff\xfe?", "", "%2B\\/\\/%2BPw", false, "#", __LINE__);
  check_mask("secret", "", "c2Vjcm", false, "c2Vjcm", __LINE__);
}

static void test_mask_memory(void) {
  struct secret secret = {NULL, 0};
  struct mask mask;
  mask_init(&mask);
  mask_add(&mask, &secret);
  CHECK(mask.count == 0 && mask.shortest == SIZE_MAX);
  CHECK(secret_set(&secret, "correct horse", 13));
  mask_add(&mask, &secret);
  no_memory = true;
  CHECK(!mask_begin(&mask, 100));
  no_memory = false;
  char text[] = "x \\u0063orrect%20horse %63orrect+horse";
  watch("correct horse", 512);
  CHECK(mask_begin(&mask, sizeof text - 1));
  CHECK(mask_overwrite(&mask, text, sizeof text - 1));
  mask_end(&mask);
  CHECK(strcmp(text, "x ******************** ***************") == 0);
  CHECK(seen_in_freed == 0);
  watch(NULL, 0);
  /* More secrets than needles. */
  struct secret many[MASK_NEEDLES_MAX + 1] = {{NULL, 0}};
  mask_init(&mask);
  for (size_t i = 0; i <= MASK_NEEDLES_MAX; i++) {
    char byte = (char)('!' + (char)i);
    CHECK(secret_set(&many[i], &byte, 1));
    mask_add(&mask, &many[i]);
  }
  CHECK(!mask_begin(&mask, 10));
  for (size_t i = 0; i <= MASK_NEEDLES_MAX; i++)
    secret_clear(&many[i]);
  secret_clear(&secret);
}

static void test_mask(void) {
  test_mask_places();
  test_mask_short();
  test_mask_cut();
  test_mask_spellings();
  test_mask_base64();
  test_mask_memory();
}

/* ---- json_scan ---- */

/* Scans a copy of exactly that size. */
static enum json_status scan_bytes(const char *text, size_t length, json_visitor *visit,
                                   void *context) {
  char *exact = malloc(length > 0 ? length : 1);
  if (!exact)
    return JSON_STOPPED;
  memcpy(exact, text, length);
  enum json_status status = json_scan(exact, length, visit, context);
  free(exact);
  return status;
}

static enum json_status scan_text(const char *text) {
  return scan_bytes(text, strlen(text), NULL, NULL);
}

static void test_json_verdicts(void) {
  static const char *const good[] = {"\xef\xbb\xbf []",
                                     "null",
                                     "true",
                                     "false",
                                     " 1 ",
                                     "\t\r\n[ ]\n",
                                     "{}",
                                     "{ }",
                                     "0",
                                     "-0",
                                     "-1.5e+10",
                                     "1E5",
                                     "1e-5",
                                     "0.0",
                                     "10",
                                     "1234567890123456789012345678901234567890",
                                     "\"\"",
                                     "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e5\\uD83D\\uDE00\"",
                                     "\"\x7f\x80\xff\"",
                                     "[1,2,3]",
                                     "[[],{},[{}]]",
                                     "{\"a\":1,\"a\":2}",
                                     "{\"\":{\"\":[]}}",
                                     " { \"a\" : [ 1 , \"x\" ] , \"b\" : { } } "};
  static const char *const broken[] = {"",           " ",
                                       "nul",        "nulll",
                                       "True",       "tru",
                                       "fals",       "+1",
                                       "01",         "-",
                                       "-a",         "1.",
                                       ".5",         "1e",
                                       "1e+",        "1.e5",
                                       "0x10",       "00",
                                       "-01",        "NaN",
                                       "Infinity",   "1 2",
                                       "\"",         "\"a",
                                       "\"\\",       "\"\\\"",
                                       "\"\\x\"",    "\"\\u\"",
                                       "\"\\u12\"",  "\"\\u12g4\"",
                                       "\"\\u123",   "\"\\",
                                       "\"a\nb\"",   "\"\x1f\"",
                                       "'a'",        "[",
                                       "]",          "[1",
                                       "[1,",        "[1,]",
                                       "[,1]",       "[1 2]",
                                       "[1}",        "{",
                                       "}",          "{\"a\"",
                                       "{\"a\":",    "{\"a\":1",
                                       "{\"a\":1,",  "{\"a\":1,}",
                                       "{,}",        "{\"a\"}",
                                       "{\"a\" 1}",  "{a:1}",
                                       "{1:1}",      "{\"a\":}",
                                       "{\"a\":1]",  "{\"a\":1 \"b\":2}",
                                       "{\"a\"::1}", "[]]",
                                       "{}}",        "[] x",
                                       "// x\n1",    "\xef\xbb\xbf\xef\xbb\xbf[]",
                                       "\v1",        "[1]\f"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    check(scan_text(good[i]) == JSON_OK, good[i], __FILE__, __LINE__);
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    check(scan_text(broken[i]) == JSON_BROKEN, broken[i], __FILE__, __LINE__);
  CHECK(json_scan(NULL, 0, NULL, NULL) == JSON_BROKEN);
  CHECK(scan_bytes("\"\0\"", 3, NULL, NULL) == JSON_BROKEN);
  CHECK(scan_bytes("\"\\\0\"", 4, NULL, NULL) == JSON_BROKEN);
  CHECK(scan_bytes("1\0", 2, NULL, NULL) == JSON_BROKEN);
  CHECK(scan_bytes("\0", 1, NULL, NULL) == JSON_BROKEN);
}

/* Every prefix of a text is invalid, and none is overrun. */
static void test_json_prefixes(void) {
  const char *text = "{\"a\":[1.5e-3,\"x\\u00e5\\n\",true,false,null],\"b\":{}}";
  CHECK(scan_text(text) == JSON_OK);
  for (size_t i = 0; i < strlen(text); i++)
    CHECK(scan_bytes(text, i, NULL, NULL) == JSON_BROKEN);
}

/* `depth`: number of containers, arrays or objects with one key. */
static enum json_status scan_nested(int depth, bool objects) {
  char text[2048];
  size_t length = 0;
  for (int i = 0; i < depth; i++) {
    memcpy(text + length, objects ? "{\"k\":" : "[", objects ? 5 : 1);
    length += objects ? 5 : 1;
  }
  text[length++] = '1';
  for (int i = 0; i < depth; i++)
    text[length++] = objects ? '}' : ']';
  return scan_bytes(text, length, NULL, NULL);
}

static void test_json_depth(void) {
  CHECK(scan_nested(MIC_JSON_DEPTH_MAX, false) == JSON_OK);
  CHECK(scan_nested(MIC_JSON_DEPTH_MAX + 1, false) == JSON_TOO_DEEP);
  CHECK(scan_nested(MIC_JSON_DEPTH_MAX, true) == JSON_OK);
  CHECK(scan_nested(MIC_JSON_DEPTH_MAX + 1, true) == JSON_TOO_DEEP);
}

static void check_outline(const char *text, bool names_only, size_t limit, const char *expected) {
  struct buffer out;
  buffer_init(&out, limit, true);
  enum json_outline status = json_outline(text, strlen(text), names_only, &out);
  CHECK(status == (expected[0] == '\0' ? JSON_OUTLINE_UNREADABLE : JSON_OUTLINE_DONE));
  check(out.length == strlen(expected) &&
            (out.length == 0 || memcmp(out.data, expected, out.length) == 0),
        expected, __FILE__, __LINE__);
  buffer_free(&out);
}

static void test_json_outline(void) {
  static const char *const secret[] = {
      "password", "Password",   "client_secret", "refreshToken",    "API-Key",
      "code",     "identityId", "access token",  "X-Amz-Signature", "sig"};
  static const char *const plain[] = {"userName", "codes", "messageKey", "pins",
                                      "",         "keys",  "signal"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
    check(secret_names_member(secret[i], strlen(secret[i])), secret[i], __FILE__, __LINE__);
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    check(!secret_names_member(plain[i], strlen(plain[i])), plain[i], __FILE__, __LINE__);
  check_outline(" { \"a\" : [ 1.5e3 , \"x y\" ] ,\n\"b\":null}", false, 99,
                "{\"a\":[1.5e3,\"x y\"],\"b\":null}");
  check_outline("{\"a\":[1,\"x\",{\"b\":true}]}", true, 99, "{\"a\":[*,*,{\"b\":*}]}");
  check_outline("{\"token\" : {\"x\":[\"]}\\\"\"]},\"pass\\u0077ord\":1,\"c\":2}", false, 99,
                "{\"token\":\"***\",\"pass\\u0077ord\":\"***\",\"c\":2}");
  check_outline("\xEF\xBB\xBF\"x\"", true, 9, "*");
  check_outline("[1,22,333]", false, 5, "[1,22");
  check_outline("{\"a\":1", false, 99, "");
  check_outline("", false, 99, "");
}

struct record {
  char text[512];
  int left; /* visits until it stops */
};

/* Writes "kind depth /key/key start-end;" for every value. */
static bool write_visit(void *context, const char *text, const struct json_value *value) {
  struct record *record = context;
  size_t used = strlen(record->text);
  char *out = record->text + used;
  size_t room = sizeof record->text - used;
  int n = snprintf(out, room, "%d %u ", (int)value->kind, value->depth);
  for (unsigned i = 0; i < value->depth; i++) {
    struct json_span key = value->keys[i];
    size_t inside = key.end > key.start ? key.end - key.start - 2 : 0;
    n += snprintf(out + n, room - (size_t)n, "/%.*s", (int)inside, text + key.start + (inside > 0));
  }
  snprintf(out + n, room - (size_t)n, " %zu-%zu;", value->span.start, value->span.end);
  return record->left-- > 1;
}

static void test_json_visits(void) {
  struct record record = {"", 1000};
  const char *text = " {\"a\":[1,{\"b\":null}],\"c\":\"x\",\"d\":{},\"e\":[]} ";
  CHECK(scan_bytes(text, strlen(text), write_visit, &record) == JSON_OK);
  CHECK(strcmp(record.text, "3 2 /a/ 7-8;0 3 /a//b 14-18;6 2 /a/ 9-19;5 1 /a 6-20;"
                            "4 1 /c 25-28;6 1 /d 33-35;5 1 /e 40-42;6 0  1-43;") == 0);
  if (failures > 0)
    fprintf(stderr, "%s\n", record.text);
  record = (struct record){"", 2};
  CHECK(scan_bytes("[1,2,3]", 7, write_visit, &record) == JSON_STOPPED);
  CHECK(strcmp(record.text, "3 1 / 1-2;3 1 / 3-4;") == 0);
  record = (struct record){"", 1};
  CHECK(scan_bytes("[]", 2, write_visit, &record) == JSON_STOPPED);
}

static bool find(const char *text, const char *a, const char *b, const char *expected) {
  const char *path[] = {a, b};
  struct json_value value;
  bool present = false;
  size_t count = a ? (b ? 2u : 1u) : 0u;
  enum json_status status = json_find(text, strlen(text), path, count, &value, &present);
  if (status != JSON_OK || value.keys)
    return false;
  if (!present)
    return expected == NULL;
  size_t length = value.span.end - value.span.start;
  return expected && strlen(expected) == length &&
         memcmp(text + value.span.start, expected, length) == 0;
}

static void test_json_find(void) {
  const char *text = "{\"t\":0,\"c\":{\"t\":\"x\",\"u\":[{\"t\":2}]},\"d\":{\"t\":3}}";
  CHECK(find(text, "c", "t", "\"x\""));
  CHECK(find(text, "d", "t", "3"));
  CHECK(find(text, "t", NULL, "0"));
  CHECK(find(text, "c", "u", "[{\"t\":2}]"));
  CHECK(find(text, NULL, NULL, text));
  CHECK(find(text, "c", "v", NULL));
  CHECK(find(text, "t", "t", NULL));
  CHECK(find(text, "", NULL, NULL));
  CHECK(find("[{\"a\":1}]", "a", NULL, NULL));
  CHECK(find("[[1]]", "", "", NULL)); /* an array has no key, not an empty one */
  CHECK(find("{\"\":{\"\":1}}", "", "", "1"));
  CHECK(find("{\"a\":1,\"a\":2}", "a", NULL, "2"));
  CHECK(find("{\"c\":{\"t\":1,\"t\":2},\"x\":{\"t\":3}}", "c", "t", "2"));
  CHECK(find("{\"c\":{\"t\":1},\"c\":{\"t\":2}}", "c", "t", "2"));
  CHECK(find("{\"c\":{\"t\":1},\"c\":{}}", "c", "t", NULL));
  CHECK(find("{\"c\":{\"t\":1},\"c\":null}", "c", "t", NULL));
  CHECK(find("{\"c\":{},\"c\":{\"t\":1}}", "c", "t", "1"));
  CHECK(find("{\"\\u0063\":{\"\\u0074\":1}}", "c", "t", "1"));
  CHECK(find("{\"c\\u0000\":1}", "c", NULL, NULL));
  CHECK(find("{\"\\u0000\":1}", "", NULL, NULL));
  CHECK(find("{\"c\\u0000\\u0000\\u0000\":1}", "c", NULL, NULL));
  CHECK(find("{\"cc\":1}", "c", NULL, NULL));
  CHECK(find("{\"c\":1}", "cc", NULL, NULL));
  CHECK(find("{\"\\u00e5\":1}", "\xc3\xa5", NULL, "1"));
  CHECK(find("{\"\\u00e5\":1}", "\xc3", NULL, NULL));
  CHECK(find("{\"a\\/b\":1}", "a/b", NULL, "1"));
}

static void test_json_find_broken(void) {
  const char *path[] = {"a"};
  struct json_value value = {.kind = JSON_TRUE};
  bool present = true;
  CHECK(json_find("{\"a\":1}x", 8, path, 1, &value, &present) == JSON_BROKEN);
  CHECK(!present && value.span.end == 0 && value.keys == NULL);
  present = true;
  CHECK(json_find("", 0, path, 1, &value, &present) == JSON_BROKEN && !present);
  char deep[200];
  memset(deep, '[', sizeof deep);
  CHECK(json_find(deep, sizeof deep, path, 1, &value, &present) == JSON_TOO_DEEP && !present);
}

static void check_unescape(const char *text, const char *expected, size_t length, int line) {
  char out[64];
  struct json_span span = {0, strlen(text)};
  check(json_unescape(text, span, NULL) == length, text, __FILE__, line);
  check(json_unescape(text, span, out) == length, text, __FILE__, line);
  check(memcmp(out, expected, length) == 0, text, __FILE__, line);
}

static void test_json_unescape(void) {
  check_unescape("\"\"", "", 0, __LINE__);
  check_unescape("\"plain\"", "plain", 5, __LINE__);
  check_unescape("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8, __LINE__);
  check_unescape("\"a\\u0000b\"", "a\0b", 3, __LINE__);
  check_unescape("\"\\u007f\\u0080\\u07ff\"", "\x7f\xc2\x80\xdf\xbf", 5, __LINE__);
  check_unescape("\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf", 6, __LINE__);
  check_unescape("\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80", 4, __LINE__);
  check_unescape("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8,
                 __LINE__);
  check_unescape("\"\\uD83D\"", "\xef\xbf\xbd", 3, __LINE__);
  check_unescape("\"\\uDE00x\"", "\xef\xbf\xbdx", 4, __LINE__);
  check_unescape("\"\\uD83Dx\"", "\xef\xbf\xbdx", 4, __LINE__);
  check_unescape("\"\\uD83D\\n\"", "\xef\xbf\xbd\n", 4, __LINE__);
  check_unescape("\"\\uD83D\\u0041\"",
                 "\xef\xbf\xbd"
                 "A",
                 4, __LINE__);
  check_unescape("\"\\uD83D\\uD83D\\uDE00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7, __LINE__);
  check_unescape("\"\xc3\xa5\xff\"", "\xc3\xa5\xff", 3, __LINE__);
  /* invalid strings must not be overrun */
  CHECK(json_unescape("", (struct json_span){0, 0}, NULL) == 0);
  CHECK(json_unescape("\"", (struct json_span){0, 1}, NULL) == 0);
  CHECK(json_unescape("\"", (struct json_span){1, 0}, NULL) == 0);
  CHECK(json_unescape("\"\\u00\"", (struct json_span){0, 6}, NULL) == 3);
  CHECK(json_unescape("\"\\u\\u\\u\"", (struct json_span){0, 8}, NULL) == 3);
  CHECK(json_unescape("\"\\\"", (struct json_span){0, 3}, NULL) == 1);
}

static void test_json_scan(void) {
  test_json_verdicts();
  test_json_outline();
  test_json_prefixes();
  test_json_depth();
  test_json_visits();
  test_json_find();
  test_json_find_broken();
  test_json_unescape();
}

/* ---- jwt ---- */

static size_t encode(const char *text, size_t length, char *out, bool pad) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  size_t used = 0;
  for (size_t i = 0; i < length; i += 3) {
    uint32_t bits = (uint32_t)(unsigned char)text[i] << 16;
    if (i + 1 < length)
      bits |= (uint32_t)(unsigned char)text[i + 1] << 8;
    if (i + 2 < length)
      bits |= (unsigned char)text[i + 2];
    size_t count = length - i >= 3 ? 4 : length - i + 1;
    for (size_t k = 0; k < count; k++)
      out[used++] = digits[bits >> (18 - 6 * k) & 63];
  }
  while (pad && used % 4 != 0)
    out[used++] = '=';
  return used;
}

static bool read_bytes(const char *payload, size_t size, bool pad, struct jwt_times *times) {
  static char token[MIC_SECRET_MAX * 2];
  memcpy(token, "eyJhbGciOiJub25lIn0.", 20);
  size_t length = 20 + encode(payload, size, token + 20, pad);
  memcpy(token + length, ".sig", 4);
  return jwt_read_times(token, length + 4, times);
}

static bool read_payload(const char *payload, struct jwt_times *times) {
  return read_bytes(payload, strlen(payload), false, times);
}

/* The expiry that is read from `number`; -1 if none. */
static double read_exp(const char *number) {
  char payload[512];
  struct jwt_times times;
  snprintf(payload, sizeof payload, "{\"exp\":%s}", number);
  if (!read_payload(payload, &times) || times.has_issued)
    return -2;
  return times.has_expires ? times.expires : -1;
}

static bool near(double a, double b) {
  return a > b * 0.999999999 && a < b * 1.000000001;
}

static void test_jwt_payloads(void) {
  struct jwt_times times;
  CHECK(read_payload("{\"iat\":1700000000,\"exp\":1700003600,\"sub\":\"u\"}", &times));
  CHECK(times.has_issued && times.issued == 1700000000.0);
  CHECK(times.has_expires && times.expires == 1700003600.0);
  /* every remainder of the length, with and without padding */
  for (size_t i = 0; i < 3; i++) {
    char payload[] = "{\"exp\":5}  ";
    CHECK(read_bytes(payload, 9 + i, false, &times) && times.has_expires && times.expires == 5);
    CHECK(read_bytes(payload, 9 + i, true, &times) && times.has_expires && times.expires == 5);
  }
  CHECK(read_payload("{}", &times) && !times.has_issued && !times.has_expires);
  CHECK(read_payload("{\"x\":{\"exp\":1}}", &times) && !times.has_expires);
  CHECK(read_payload("{\"exp\":1,\"exp\":2}", &times) && times.expires == 2);
  CHECK(read_payload("{\"exp\":1,\"exp\":null}", &times) && !times.has_expires);
  CHECK(read_payload("{\"iat\":\"1\",\"exp\":[1]}", &times) && !times.has_issued &&
        !times.has_expires);
  CHECK(!read_payload("[1]", &times));
  CHECK(!read_payload("1", &times));
  CHECK(!read_payload("", &times));
  CHECK(!read_payload("{\"exp\":1", &times) && !times.has_expires);
  CHECK(!read_payload("\xff\xfe", &times));
}

static void test_jwt_numbers(void) {
  CHECK(read_exp("0") == 0 && read_exp("-0") == 0 && read_exp("0e99999") == 0);
  CHECK(read_exp("100000000000") == 1e11 && read_exp("100000000001") == 100000000001.0 / 1000);
  CHECK(read_exp("1700000000500") == 1700000000.5 && read_exp("1.7e12") == 1.7e9);
  CHECK(read_exp("9007199254740991") == 9007199254740991.0 / 1000);
  CHECK(read_exp("9007199254740992") == 9007199254740992.0 / 1000);
  CHECK(read_exp("9007199254740994") == -1);
  CHECK(read_exp("-1") == -1 && read_exp("-1e-5") == -1);
  CHECK(read_exp("1.5") == 1.5 && read_exp("1700000000.25") == 1700000000.25);
  CHECK(read_exp("17e8") == 1.7e9 && read_exp("1.7E+9") == 1.7e9 && read_exp("17000e5") == 1.7e9);
  CHECK(near(read_exp("17000000000000000000000000e-16"), 1.7e9));
  CHECK(near(read_exp("0.0000000000000000000000000000000000017e45"), 1.7e9));
  CHECK(near(read_exp("1700000000.33333333333333333333333333333"), 1700000000.333333));
  CHECK(read_exp("1e400") == -1 && read_exp("1e99999999999999999999") == -1);
  CHECK(read_exp("1e-400") == 0 && read_exp("1e-99999999999999999999") == 0);
  CHECK(read_exp("true") == -1 && read_exp("null") == -1 && read_exp("{}") == -1);
}

static bool read_token(const char *token) {
  struct jwt_times times;
  size_t length = strlen(token);
  char *exact = malloc(length > 0 ? length : 1);
  if (!exact)
    return false;
  memcpy(exact, token, length);
  bool good = jwt_read_times(exact, length, &times);
  free(exact);
  return good;
}

static void test_jwt_shapes(void) {
  struct jwt_times times = {true, true, 1, 1};
  CHECK(read_token("h.e30.s") && read_token("h.e30.") && read_token("h.e30=.s"));
  CHECK(!read_token("") && !read_token(".") && !read_token("..") && !read_token("e30"));
  CHECK(!read_token("h.e30") && !read_token(".e30.s") && !read_token("h..s"));
  CHECK(!read_token("h.e30.s.t") && !read_token("h.e30.s.t.u") && !read_token("h.e30.."));
  CHECK(!read_token("h.e30==.s") && !read_token("h.e30===.s") && !read_token("h.=.s"));
  CHECK(!read_token("h.e=30.s") && !read_token("h.=e30.s") && !read_token("h.e3.s"));
  CHECK(!read_token("h.e30 .s") && !read_token("h.e3+.s") && !read_token("h.e3/.s"));
  CHECK(!read_token("h.e30gI.s") && !read_token("h.e30xx.s") && !read_token("h.====.s") &&
        !read_token("h.e30\xff.s"));
  CHECK(!jwt_read_times("h.e30\0.s", 8, &times) && !times.has_issued && !times.has_expires);
  /* a token of the maximal length, and one byte more */
  static char longest[MIC_SECRET_MAX + 1];
  memset(longest, 's', sizeof longest);
  memcpy(longest, "h.e30.", 6);
  CHECK(jwt_read_times(longest, MIC_SECRET_MAX, &times));
  CHECK(!jwt_read_times(longest, MIC_SECRET_MAX + 1, &times));
  /* the longest payload: {} and blanks; ICAg decodes to three blanks */
  for (size_t i = 0; i < sizeof longest - 1; i++)
    longest[i] = "ICAg"[i % 4];
  memcpy(longest, "hhhhhh.e30g", 11); /* 7 bytes before the segment, 1 after it */
  for (size_t i = 11; i < MIC_SECRET_MAX - 1; i++)
    longest[i] = "ICAg"[(i - 11) % 4];
  size_t segment = (MIC_SECRET_MAX - 8) / 4 * 4;
  longest[7 + segment] = '.';
  CHECK(jwt_read_times(longest, 7 + segment + 1, &times));
}

static void test_jwt(void) {
  test_jwt_payloads();
  test_jwt_numbers();
  test_jwt_shapes();
}

/* ---- header ---- */

static void test_header_checks(void) {
  CHECK(header_name_problem("x-api-key", 9) == NULL);
  CHECK(header_name_problem("!#$%&'*+-.^_`|~09azAZ", 21) == NULL);
  CHECK(header_name_problem("", 0) != NULL);
  const char *bad = "\"(),/:;<=>?@[\\]{} \t\r\n\x01\x7f\x80\xe5\xff";
  for (const char *byte = bad; *byte; byte++) {
    char name[3] = {'a', *byte, 'b'};
    CHECK(header_name_problem(name, 3) != NULL);
    CHECK(header_name_problem(name, 1) == NULL);
  }
  CHECK(header_name_problem("a\0b", 3) != NULL);
  CHECK(header_value_problem("", 0) == NULL);
  CHECK(header_value_problem("a b\tc\x80\xff~", 8) == NULL);
  CHECK(strstr(header_value_problem("a\rb", 3), "line break") != NULL);
  CHECK(strstr(header_value_problem("a\n", 2), "line break") != NULL);
  CHECK(strstr(header_value_problem("a\0b", 3), "NUL") != NULL);
  CHECK(header_value_problem("a\n", 1) == NULL);
  for (int byte = 1; byte < 0x20; byte++) {
    char value = (char)byte;
    CHECK((header_value_problem(&value, 1) == NULL) == (byte == '\t'));
  }
  CHECK(header_value_problem("\x7f", 1) != NULL);
}

static void test_ascii_is(void) {
  CHECK(ascii_is("Content-Type", 12, "content-type"));
  CHECK(ascii_is("DATE: x", 4, "Date"));
  CHECK(ascii_is("", 0, ""));
  CHECK(!ascii_is("Date", 4, "Dat") && !ascii_is("Dat", 3, "Date"));
  CHECK(!ascii_is("a\0b", 3, "a") && !ascii_is("a[", 2, "a{"));
  CHECK(!ascii_is("A@", 2, "a`"));
}

static void test_header_append(void) {
  struct curl_slist *list = NULL;
  CHECK(header_append(&list, "xname", 1, "value", 3));
  CHECK(header_append(&list, "empty", 5, NULL, 0));
  CHECK(header_append(&list, "blank", 5, " \t ", 3));
  CHECK(header_append(&list, "trim", 4, "\t a b ", 6));
  CHECK(list && strcmp(list->data, "x: val") == 0);
  CHECK(list && strcmp(list->next->data, "empty;") == 0);
  CHECK(list && strcmp(list->next->next->data, "blank;") == 0);
  CHECK(list && strcmp(list->next->next->next->data, "trim: a b") == 0);
  CHECK(list && list->next->next->next->next == NULL);
  struct curl_slist *before = list;
  no_memory = true;
  bool added = header_append(&list, "x", 1, "y", 1);
  no_memory = false;
  CHECK(!added && list == before && list->next->next->next->next == NULL);
  header_list_wipe(list);
  header_list_wipe(NULL);
}

/* An allocator for libcurl's lists, which --wrap does not reach. */
static bool curl_no_memory;

static void *curl_malloc(size_t size) {
  return curl_no_memory ? NULL : malloc(size);
}

static char *curl_strdup(const char *text) {
  return curl_no_memory ? NULL : strdup(text);
}

static void *curl_realloc(void *old, size_t size) {
  return curl_no_memory ? NULL : realloc(old, size);
}

static void *curl_calloc(size_t count, size_t size) {
  return curl_no_memory ? NULL : calloc(count, size);
}

static void test_header_memory(void) {
  struct curl_slist *list = NULL;
  const char *value = "0123456789abcdef";
  CHECK(header_append(&list, "x", 1, value, 16));
  struct curl_slist *before = list;
  curl_no_memory = true;
  bool added = header_append(&list, "y", 1, value, 16);
  bool fresh = header_append(&(struct curl_slist *){NULL}, "y", 1, value, 16);
  curl_no_memory = false;
  CHECK(!added && !fresh && list == before && list->next == NULL);
  watch("0123456789", 16);
  CHECK(header_append(&list, "z", 1, value, 16)); /* frees its temporary copy */
  CHECK(frees == 1 && seen_in_freed == 0);
  header_list_wipe(list);
  CHECK(frees == 5 && seen_in_freed == 0); /* two lines, two nodes */
  watch(NULL, 0);
}

/* Compares all fields, written as "name=value;". */
static bool walk(const char *block, size_t length, const char *expected) {
  char out[256] = "";
  size_t used = 0;
  size_t offset = 0;
  struct header_field field;
  char *exact = malloc(length > 0 ? length : 1);
  if (!exact)
    return false;
  memcpy(exact, block, length);
  while (header_next(exact, length, &offset, &field))
    used += (size_t)snprintf(out + used, sizeof out - used, "%.*s=%.*s;", (int)field.name_length,
                             field.name, (int)field.value_length, field.value);
  free(exact);
  return offset == length && strcmp(out, expected) == 0;
}

static bool walk_text(const char *block, const char *expected) {
  return walk(block, strlen(block), expected);
}

static void test_header_next(void) {
  CHECK(walk_text("", ""));
  CHECK(walk_text("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length:0\r\n\r\n",
                  "Date=x;Content-Length=0;"));
  CHECK(walk_text("HTTP/2 200\nA: b\n\n", "A=b;"));
  CHECK(walk_text("HTTP/1.1 200 OK: fine\r\nA: b", "A=b;")); /* a colon in the status line */
  CHECK(walk_text("A:\r\nB: \t\r\nC:  x y \t\r\n", "A=;B=;C=x y;"));
  CHECK(walk_text("A: b:c\r\nno colon\r\n: none\r\nD: e\r\n", "A=b:c;D=e;"));
  CHECK(walk_text("A: b\r\n folded: c\r\nD : e\r\nF: g\r\n", "A=b;F=g;"));
  CHECK(walk_text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", "A=b;"));
  CHECK(walk_text("A: b\r\r\n", "A=b\r;"));
  CHECK(walk_text("A:", "A=;"));
  CHECK(walk_text("\r", "") && walk_text("\n", "") && walk_text(":", ""));
  CHECK(walk("A\0: b\nC: d", 10, "C=d;"));
  size_t past = 9;
  struct header_field field;
  CHECK(!header_next("A: b", 4, &past, &field));
}

static void test_header(void) {
  test_header_checks();
  test_ascii_is();
  test_header_append();
  test_header_memory();
  test_header_next();
}

/* ---- sha256 ---- */

static bool stretches_to(const char *password, size_t length, const char *salt, size_t salt_length,
                         unsigned rounds, const char *expected) {
  unsigned char digest[SHA256_SIZE];
  char shown[2 * SHA256_SIZE + 1];
  sha256_stretch(password, length, salt, salt_length, rounds, digest);
  for (size_t i = 0; i < SHA256_SIZE; i++)
    snprintf(shown + 2 * i, 3, "%02x", digest[i]);
  return strcmp(shown, expected) == 0;
}

static void test_sha256(void) {
  /* Test vectors of RFC 7914, section 11. */
  CHECK(stretches_to("passwd", 6, "salt", 4, 1,
                     "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"));
  CHECK(stretches_to("Password", 8, "NaCl", 4, 80000,
                     "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"));
  /* Strings of "p" and "s" of that length, two rounds: lengths at block boundaries. */
  static const struct {
    size_t length;
    const char *digest;
  } rows[] = {{0, "97398411d6aea43a77acef92226ab8278d4db0668bd1d7a76a725f7680ac45c5"},
              {1, "1998f3d3f22119b7f9a77c8ae8b1df0d6e5dde8ae44a6adea8bd836734ca3673"},
              {31, "ff1d798de7928fc958954472ced50d2bcd49ba938f03d6edefa312a1482d3455"},
              {32, "237c395ce46284cdf863d39810ec5b1ee6286423b4dd2b8869e871d4ad8ab034"},
              {51, "f242cb3137ff80d3df8ad40e782a67e48b91054028ffeb34a65491abecd7221c"},
              {52, "4864c556318ab5bac3b40d2e5b4dac9b3305a0226687921b69e5213297c3e00c"},
              {59, "f1a9e0351bf5f85077933dca78417f21fc7ebfa8aef7c5235229b6b5c728ed7e"},
              {60, "82c871f03041880a458b33784ccb1f42403b2e59a9fa3ed36bfae908ded955b1"},
              {63, "821fc83be6a67ffb5bbc63424c8f9efe092fddb6ce22779059f368cae812b327"},
              {64, "f437c01349f33d12c8bc126b6fa579044aa67d4ce834c54969fa8901779d44ae"},
              {65, "4259ae11d14a5e3796e145f4f827c821f1d6bae89a790d7518d8337b9308c108"},
              {119, "121bc851c50c0e34ad496adcfc8ebd6c8beaf857ef3dbaa6e2b4144c8585d068"},
              {120, "ebfc9cf615f2fe7897ce48852f642519daa09b9051b9833599303a0e987f109b"},
              {128, "1c2f52745094bc6b3ede0fcba77e81b449dd7117de336ce47c1b26aeb9c543ab"},
              {200, "d8120c385c695e051b463fdb8c161f78318ba8f0458a8c874b85a0b96046f99f"}};
  char password[200], salt[200];
  memset(password, 'p', sizeof password);
  memset(salt, 's', sizeof salt);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK(stretches_to(password, rows[i].length, salt, rows[i].length, 2, rows[i].digest));
}

struct section {
  const char *name;
  void (*run)(void);
};

int main(int argc, char **argv) {
  static const struct section sections[] = {{"buffer", test_buffer}, {"secret", test_secret},
                                            {"mask", test_mask},     {"json_scan", test_json_scan},
                                            {"jwt", test_jwt},       {"header", test_header},
                                            {"sha256", test_sha256}};
  bool ran = false;
  if (curl_global_init_mem(CURL_GLOBAL_NOTHING, curl_malloc, free, curl_realloc, curl_strdup,
                           curl_calloc) != CURLE_OK)
    return 2;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (argc > 1 && strcmp(argv[1], sections[i].name) != 0)
      continue;
    sections[i].run();
    ran = true;
  }
  curl_global_cleanup();
  if (!ran) {
    fprintf(stderr, "no section %s\n", argv[1]);
    return 2;
  }
  printf("%d checks, %d failed\n", checks, failures);
  return failures > 0 ? 1 : 0;
}
