/* Fuzz target for buffer: JSON escapes and back, and appending in pieces. The first byte is the
   length of the pieces, the rest the text. */
#include "fuzz.h"

#include "text/buffer.h"
#include "text/json_scan.h"

/* `room`: the buffer's limit without the quotes. */
static void check_escapes(const char *text, size_t size, size_t room, bool secret) {
  struct buffer buffer;
  buffer_init(&buffer, room + 2, secret);
  CHECK(buffer_append_text(&buffer, "\"") == BUFFER_OK);
  if (buffer_append_json(&buffer, text, size) != BUFFER_OK) {
    CHECK(buffer.length == 1 && buffer.data[0] == '"' && room < size * 6);
    buffer_free(&buffer);
    return;
  }
  CHECK(buffer_append(&buffer, "\"", 1) == BUFFER_OK || buffer.length > room + 1);
  if (buffer.length <= room + 2 && buffer.data[buffer.length - 1] == '"' && room >= size * 6) {
    struct json_span all = {0, buffer.length};
    CHECK(json_scan(buffer.data, buffer.length, NULL, NULL) == JSON_OK);
    char *back = exact_copy(buffer.data, buffer.length);
    CHECK(json_unescape(buffer.data, all, back) == size);
    CHECK(memcmp(back, text, size) == 0);
    free(back);
  }
  buffer_free(&buffer);
}

/* Appending in pieces must give the same as in one. */
static void check_pieces(const char *text, size_t size, size_t piece, bool secret) {
  struct buffer buffer;
  buffer_init(&buffer, size, secret);
  for (size_t at = 0; at < size; at += piece) {
    size_t count = size - at < piece ? size - at : piece;
    CHECK(buffer_append(&buffer, text + at, count) == BUFFER_OK);
    CHECK(buffer.length <= buffer.capacity && buffer.capacity <= buffer.limit);
  }
  CHECK(buffer.length == size && (size == 0 || memcmp(buffer.data, text, size) == 0));
  CHECK(buffer_append(&buffer, "x", 1) == BUFFER_FULL);
  buffer_clear(&buffer, piece);
  CHECK(buffer.length == 0 && buffer.capacity <= (piece > size ? size : piece));
  buffer_free(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  size_t length = data[0] < size ? data[0] : size - 1;
  size_t text_size = size - 1;
  char *text = exact_copy(data + 1, text_size);
  bool secret = data[0] % 2 == 0;
  check_escapes(text, text_size, text_size * 6, secret);
  check_escapes(text, text_size, length, secret);
  check_pieces(text, text_size, length + 1, secret);
  free(text);
  return 0;
}
