/* Fuzz target for content_decoder: the output must not depend on how the input is split. The first
   byte selects the codings, the second the length of the pieces. */
#include "fuzz.h"

#include "text/content_decoder.h"

static const char *const heads[] = {"Content-Encoding: gzip\r\n",
                                    "Content-Encoding: deflate\r\n",
                                    "Content-Encoding: br\r\n",
                                    "Content-Encoding: zstd\r\n",
                                    "Content-Encoding: gzip, gzip\r\n",
                                    "Content-Encoding: zstd, deflate, gzip\r\n",
                                    "Content-Encoding: gzip, zstd, x\r\n",
                                    "Content-Encoding: gzip, x\r\n"};

enum { OUT_MAX = 1 << 20 };

struct output {
  char *bytes;
  size_t length;
};

static bool take(void *context, const char *bytes, size_t length) {
  struct output *output = context;
  if (length > OUT_MAX - output->length)
    return false;
  memcpy(output->bytes + output->length, bytes, length);
  output->length += length;
  return true;
}

static enum content_status decode(const char *head, const char *body, size_t size, size_t piece,
                                  struct output *output) {
  enum content_status status;
  output->length = 0;
  struct content_decoder *decoder = content_decoder_new(head, strlen(head), take, output, &status);
  if (decoder == NULL)
    return status;
  for (size_t at = 0; at < size && status == CONTENT_OK; at += piece)
    status = content_decoder_feed(decoder, body + at, size - at < piece ? size - at : piece);
  if (status == CONTENT_OK)
    status = content_decoder_end(decoder);
  content_decoder_free(decoder);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char first[OUT_MAX], second[OUT_MAX];
  struct output whole = {first, 0}, pieces = {second, 0};
  if (size < 3)
    return 0;
  const char *head = heads[data[0] % (sizeof heads / sizeof heads[0])];
  char *body = exact_copy(data + 2, size - 2);
  enum content_status a = decode(head, body, size - 2, size, &whole);
  enum content_status b = decode(head, body, size - 2, (size_t)data[1] % 16 + 1, &pieces);
  /* Whether broken data or the end of our room comes first may depend on the pieces. */
  CHECK(a == b || a == CONTENT_STOPPED || b == CONTENT_STOPPED);
  if (a == CONTENT_OK && b == CONTENT_OK)
    CHECK(whole.length == pieces.length && memcmp(first, second, whole.length) == 0);
  free(body);
  return 0;
}
