#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "content_decoder.h"
#include "header.h"

/* libcurl's limit. */
enum { CODINGS_MAX = 5 };

/* Deflate compresses to a thousandth at best. A large output with a higher ratio is a decompression
   bomb: a few KiB received could fill a disk. */
enum { SWELLING_MAX = 1100 };
static const uint64_t SWELLING_FROM = UINT64_C(16) * 1024 * 1024;

struct link {
  struct content_decoder *decoder;
  struct decompressor *decompressor; /* owned */
  uint64_t produced;
};

struct content_decoder {
  struct link links[CODINGS_MAX]; /* in decoding order */
  size_t count;
  uint64_t received;
  decompress_sink *sink;
  void *context;
  enum content_status status;
};

/* ---- pipeline ---- */

static bool pass_on(void *context, const char *bytes, size_t length);

static enum content_status status_of(enum decompress_status status) {
  switch (status) {
  case DECOMPRESS_OK:
    return CONTENT_OK;
  case DECOMPRESS_BROKEN:
    return CONTENT_BROKEN;
  case DECOMPRESS_CUT:
    return CONTENT_CUT;
  case DECOMPRESS_NO_MEMORY:
    return CONTENT_NO_MEMORY;
  case DECOMPRESS_STOPPED:
    break;
  }
  return CONTENT_STOPPED;
}

static bool feed_link(struct content_decoder *decoder, size_t index, const char *bytes,
                      size_t length) {
  struct link *link = &decoder->links[index];
  enum decompress_status status =
      decompressor_feed(link->decompressor, bytes, length, pass_on, link);
  if (decoder->status == CONTENT_OK)
    decoder->status = status_of(status);
  return decoder->status == CONTENT_OK;
}

static bool pass_on(void *context, const char *bytes, size_t length) {
  struct link *link = context;
  struct content_decoder *decoder = link->decoder;
  size_t next = (size_t)(link - decoder->links) + 1;
  link->produced += length;
  if (link->produced > SWELLING_FROM && link->produced / SWELLING_MAX > decoder->received) {
    decoder->status = CONTENT_SWELLS;
    return false;
  }
  return next == decoder->count ? decoder->sink(decoder->context, bytes, length)
                                : feed_link(decoder, next, bytes, length);
}

enum content_status content_decoder_feed(struct content_decoder *decoder, const char *bytes,
                                         size_t length) {
  decoder->received += length;
  feed_link(decoder, 0, bytes, length);
  return decoder->status;
}

enum content_status content_decoder_end(struct content_decoder *decoder) {
  for (size_t i = 0; i < decoder->count && decoder->status == CONTENT_OK; i++) {
    struct link *link = &decoder->links[i];
    enum decompress_status status = decompressor_end(link->decompressor, pass_on, link);
    if (decoder->status == CONTENT_OK)
      decoder->status = status_of(status);
  }
  return decoder->status;
}

/* ---- Content-Encoding list ---- */

struct name {
  const char *text;
  size_t length;
};

static bool is_nothing(const struct name *name) {
  return ascii_is(name->text, name->length, "identity") ||
         ascii_is(name->text, name->length, "none");
}

/* Appends the names of the field. False if there are too many. */
static bool split(const struct header_field *field, struct name *names, size_t *count) {
  const char *at = field->value;
  const char *end = field->value + field->value_length;
  while (at < end) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    const char *stop = comma == NULL ? end : comma;
    struct name name = {at, (size_t)(stop - at)};
    header_trim(&name.text, &name.length);
    at = comma == NULL ? end : comma + 1;
    if (name.length == 0 || is_nothing(&name))
      continue;
    if (*count == CODINGS_MAX)
      return false;
    names[(*count)++] = name;
  }
  return true;
}

static bool read_names(const char *head, size_t length, struct name *names, size_t *count) {
  struct header_field field;
  size_t offset = 0;
  while (header_next_named(head, length, "Content-Encoding", &offset, &field))
    if (!split(&field, names, count))
      return false;
  return true;
}

static enum content_status build(struct content_decoder *decoder, const struct name *names,
                                 size_t count) {
  bool tentative = false; /* after an unknown name */
  while (count > 0) {
    const struct name *name = &names[--count];
    const struct compression *compression = compression_find(name->text, name->length);
    if (compression == NULL) {
      tentative = true;
      continue;
    }
    if (tentative && !compression_has_mark(compression))
      break;
    struct link *link = &decoder->links[decoder->count];
    link->decoder = decoder;
    link->decompressor = decompressor_new(compression, tentative);
    if (link->decompressor == NULL)
      return CONTENT_NO_MEMORY;
    decoder->count++;
  }
  return CONTENT_OK;
}

struct content_decoder *content_decoder_new(const char *head, size_t length, decompress_sink *sink,
                                            void *context, enum content_status *status) {
  struct name names[CODINGS_MAX];
  size_t count = 0;
  *status = CONTENT_OK;
  if (!read_names(head, length, names, &count))
    *status = CONTENT_BROKEN;
  if (*status != CONTENT_OK || count == 0)
    return NULL;
  struct content_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder == NULL) {
    *status = CONTENT_NO_MEMORY;
    return NULL;
  }
  decoder->sink = sink;
  decoder->context = context;
  *status = build(decoder, names, count);
  if (*status == CONTENT_OK && decoder->count > 0)
    return decoder;
  content_decoder_free(decoder);
  return NULL;
}

void content_decoder_free(struct content_decoder *decoder) {
  if (decoder == NULL)
    return;
  for (size_t i = 0; i < decoder->count; i++)
    decompressor_free(decoder->links[i].decompressor);
  free(decoder);
}
