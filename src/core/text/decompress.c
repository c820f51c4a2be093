#include "../base.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "decompress.h"
#include "decompress_libraries.h"
#include "secret.h"

/* ---- allocator that wipes, because a login's reply may pass through ----
   The stable interface of zstd does not accept one. */

union wiped_block {
  size_t size;
  max_align_t alignment;
};

static void *allocate(void *opaque, size_t size) {
  (void)opaque;
  if (size > SIZE_MAX - sizeof(union wiped_block))
    return NULL;
  union wiped_block *block = malloc(sizeof *block + size);
  if (block == NULL)
    return NULL;
  block->size = size;
  return block + 1;
}

static void release(void *opaque, void *memory) {
  (void)opaque;
  if (memory == NULL)
    return;
  union wiped_block *block = (union wiped_block *)memory - 1;
  secret_wipe(memory, block->size);
  free(block);
}

static void *allocate_items(void *opaque, unsigned items, unsigned size) {
  return size > 0 && items > SIZE_MAX / size ? NULL : allocate(opaque, (size_t)items * size);
}

/* ---- a decompressor ---- */

enum { MARK_MAX = 4, PIECE = 16 * 1024 };

enum step { STEP_ON, STEP_END, STEP_BROKEN, STEP_NO_MEMORY };

enum place {
  AT_MARK, /* the magic number of the first or a later member */
  INSIDE,
  PASSING, /* tentative, and not compressed */
  BEHIND   /* ignores what follows the end */
};

struct decompressor {
  const struct compression *compression;
  bool tentative;
  enum place place;
  unsigned members; /* members started */
  unsigned char mark[MARK_MAX];
  size_t mark_length;
  struct zlib_stream zlib;
  void *other; /* brotli's or zstd's state */
  unsigned char piece[PIECE];
};

struct input {
  const unsigned char *bytes;
  size_t length;
};

enum format { GZIP, DEFLATE, BROTLI, ZSTD };

struct compression {
  char name[8], alias[8]; /* not pointers: see words.h */
  enum format format;
  unsigned char mark_length;
  bool unmistakable; /* the magic number is unique */
  bool several;      /* members may be concatenated */
};

static const struct compression compressions[] = {
    {"gzip", "x-gzip", GZIP, 2, true, true},
    {"deflate", "deflate", DEFLATE, 2, false, false},
    {"br", "br", BROTLI, 0, false, false},
    {"zstd", "zstd", ZSTD, 4, true, true},
};

enum { COMPRESSIONS = sizeof compressions / sizeof compressions[0] };

/* ---- zlib ---- */

static enum step zlib_step(int code) {
  switch (code) {
  case ZLIB_OK:
  case ZLIB_NO_PROGRESS:
    return STEP_ON;
  case ZLIB_END:
    return STEP_END;
  case ZLIB_NO_MEMORY:
    return STEP_NO_MEMORY;
  default:
    return STEP_BROKEN;
  }
}

static enum step begin_zlib(struct decompressor *decompressor, int window) {
  struct zlib_stream *stream = &decompressor->zlib;
  if (decompressor->members > 0)
    return zlib_step(inflateReset(stream));
  stream->allocate = allocate_items;
  stream->release = release;
  return zlib_step(inflateInit2_(stream, window, "1", (int)sizeof *stream));
}

static enum step undo_zlib(struct decompressor *decompressor, struct input *input,
                           size_t *produced) {
  struct zlib_stream *stream = &decompressor->zlib;
  size_t length = input->length < INT_MAX ? input->length : INT_MAX;
  stream->next_in = input->bytes;
  stream->available_in = (unsigned)length;
  stream->next_out = decompressor->piece;
  stream->available_out = PIECE;
  enum step step = zlib_step(inflate(stream, 0));
  input->bytes += length - stream->available_in;
  input->length -= length - stream->available_in;
  *produced = PIECE - stream->available_out;
  return step;
}

/* Some servers omit zlib's header, so such a body may start with any two bytes. */
static int deflate_window(const unsigned char *mark) {
  bool framed = (mark[0] & 0x0F) == 8 && (mark[0] * 256 + mark[1]) % 31 == 0;
  return framed ? ZLIB_WINDOW : -ZLIB_WINDOW;
}

/* ---- brotli ---- */

static enum step begin_brotli(struct decompressor *decompressor) {
  decompressor->other = BrotliDecoderCreateInstance(allocate, release, NULL);
  return decompressor->other == NULL ? STEP_NO_MEMORY : STEP_ON;
}

static enum step undo_brotli(struct decompressor *decompressor, struct input *input,
                             size_t *produced) {
  unsigned char *out = decompressor->piece;
  size_t room = PIECE;
  int result = BrotliDecoderDecompressStream(decompressor->other, &input->length, &input->bytes,
                                             &room, &out, NULL);
  *produced = PIECE - room;
  return result == BROTLI_ERROR ? STEP_BROKEN : result == BROTLI_END ? STEP_END : STEP_ON;
}

/* ---- zstd ---- */

/* A frame, or a skippable frame. */
static bool is_zstd_mark(const unsigned char *mark) {
  return memcmp(mark, "\x28\xB5\x2F\xFD", 4) == 0 ||
         ((mark[0] & 0xF0) == 0x50 && memcmp(mark + 1, "\x2A\x4D\x18", 3) == 0);
}

static enum step begin_zstd(struct decompressor *decompressor) {
  if (decompressor->other == NULL)
    decompressor->other = ZSTD_createDStream();
  return decompressor->other == NULL ? STEP_NO_MEMORY : STEP_ON;
}

static enum step undo_zstd(struct decompressor *decompressor, struct input *input,
                           size_t *produced) {
  struct zstd_in in = {input->bytes, input->length, 0};
  struct zstd_out out = {decompressor->piece, PIECE, 0};
  size_t left = ZSTD_decompressStream(decompressor->other, &out, &in);
  if (ZSTD_isError(left))
    return STEP_BROKEN;
  input->bytes += in.position;
  input->length -= in.position;
  *produced = out.position;
  return left == 0 ? STEP_END : STEP_ON;
}

/* ---- any format ---- */

static bool is_there(enum format format) {
  switch (format) {
  case GZIP:
  case DEFLATE:
    return inflateInit2_ != NULL && inflate != NULL && inflateReset != NULL && inflateEnd != NULL;
  case BROTLI:
    return BrotliDecoderCreateInstance != NULL && BrotliDecoderDecompressStream != NULL &&
           BrotliDecoderDestroyInstance != NULL;
  case ZSTD:
    break;
  }
  return ZSTD_createDStream != NULL && ZSTD_decompressStream != NULL && ZSTD_isError != NULL &&
         ZSTD_freeDStream != NULL;
}

static bool is_mark(enum format format, const unsigned char *mark) {
  if (format == GZIP)
    return mark[0] == 0x1F && mark[1] == 0x8B;
  return format != ZSTD || is_zstd_mark(mark);
}

/* Starts a member. STEP_ON on success. */
static enum step begin_member(struct decompressor *decompressor) {
  switch (decompressor->compression->format) {
  case GZIP:
    return begin_zlib(decompressor, ZLIB_WINDOW + ZLIB_GZIP);
  case DEFLATE:
    return begin_zlib(decompressor, deflate_window(decompressor->mark));
  case BROTLI:
    return begin_brotli(decompressor);
  case ZSTD:
    break;
  }
  return begin_zstd(decompressor);
}

static enum step undo_piece(struct decompressor *decompressor, struct input *input,
                            size_t *produced) {
  switch (decompressor->compression->format) {
  case GZIP:
  case DEFLATE:
    return undo_zlib(decompressor, input, produced);
  case BROTLI:
    return undo_brotli(decompressor, input, produced);
  case ZSTD:
    break;
  }
  return undo_zstd(decompressor, input, produced);
}

const struct compression *compression_find(const char *name, size_t length) {
  for (size_t i = 0; i < COMPRESSIONS; i++) {
    const struct compression *compression = &compressions[i];
    if ((ascii_is(name, length, compression->name) || ascii_is(name, length, compression->alias)) &&
        is_there(compression->format))
      return compression;
  }
  return NULL;
}

void compression_list(char *names, size_t size) {
  size_t length = 0;
  names[0] = '\0';
  for (size_t i = 0; i < COMPRESSIONS; i++)
    if (is_there(compressions[i].format) && length < size)
      length += (size_t)snprintf(names + length, size - length, "%s%s", length > 0 ? ", " : "",
                                 compressions[i].name);
}

bool compression_has_mark(const struct compression *compression) {
  return compression->unmistakable;
}

struct decompressor *decompressor_new(const struct compression *compression, bool tentative) {
  struct decompressor *decompressor = calloc(1, sizeof *decompressor);
  if (decompressor == NULL)
    return NULL;
  decompressor->compression = compression;
  decompressor->tentative = tentative;
  return decompressor;
}

void decompressor_free(struct decompressor *decompressor) {
  if (decompressor == NULL)
    return;
  if (decompressor->zlib.state != NULL)
    inflateEnd(&decompressor->zlib);
  if (decompressor->other != NULL && decompressor->compression->format == BROTLI)
    BrotliDecoderDestroyInstance(decompressor->other);
  else if (decompressor->other != NULL)
    ZSTD_freeDStream(decompressor->other);
  secret_wipe(decompressor, sizeof *decompressor);
  free(decompressor);
}

static enum decompress_status undo(struct decompressor *decompressor, struct input *input,
                                   decompress_sink *sink, void *context) {
  const struct compression *compression = decompressor->compression;
  enum step step = STEP_ON;
  bool more = true;
  while (step == STEP_ON && more) {
    size_t produced = 0;
    step = undo_piece(decompressor, input, &produced);
    more = input->length > 0 || produced == PIECE;
    if (step != STEP_BROKEN && produced > 0 &&
        !sink(context, (const char *)decompressor->piece, produced))
      return DECOMPRESS_STOPPED;
  }
  if (step == STEP_END)
    decompressor->place = compression->several ? AT_MARK : BEHIND;
  return step == STEP_BROKEN      ? DECOMPRESS_BROKEN
         : step == STEP_NO_MEMORY ? DECOMPRESS_NO_MEMORY
                                  : DECOMPRESS_OK;
}

/* Call it when the magic number is complete. */
static enum decompress_status begin(struct decompressor *decompressor, decompress_sink *sink,
                                    void *context) {
  struct input mark = {decompressor->mark, decompressor->mark_length};
  if (!is_mark(decompressor->compression->format, decompressor->mark)) {
    if (decompressor->members == 0 && !decompressor->tentative)
      return DECOMPRESS_BROKEN;
    decompressor->place = decompressor->members == 0 ? PASSING : BEHIND;
    return decompressor->place == BEHIND ||
                   sink(context, (const char *)decompressor->mark, decompressor->mark_length)
               ? DECOMPRESS_OK
               : DECOMPRESS_STOPPED;
  }
  enum step step = begin_member(decompressor);
  if (step != STEP_ON)
    return step == STEP_NO_MEMORY ? DECOMPRESS_NO_MEMORY : DECOMPRESS_BROKEN;
  decompressor->members++;
  decompressor->place = INSIDE;
  decompressor->mark_length = 0;
  return mark.length == 0 ? DECOMPRESS_OK : undo(decompressor, &mark, sink, context);
}

static void collect_mark(struct decompressor *decompressor, struct input *input) {
  while (input->length > 0 && decompressor->mark_length < decompressor->compression->mark_length) {
    decompressor->mark[decompressor->mark_length++] = *input->bytes++;
    input->length--;
  }
}

enum decompress_status decompressor_feed(struct decompressor *decompressor, const char *bytes,
                                         size_t length, decompress_sink *sink, void *context) {
  struct input input = {(const unsigned char *)bytes, length};
  enum decompress_status status = DECOMPRESS_OK;
  while (status == DECOMPRESS_OK && input.length > 0) {
    switch (decompressor->place) {
    case AT_MARK:
      collect_mark(decompressor, &input);
      if (decompressor->mark_length == decompressor->compression->mark_length)
        status = begin(decompressor, sink, context);
      break;
    case INSIDE:
      status = undo(decompressor, &input, sink, context);
      break;
    case PASSING:
      return sink(context, (const char *)input.bytes, input.length) ? DECOMPRESS_OK
                                                                    : DECOMPRESS_STOPPED;
    case BEHIND:
      return DECOMPRESS_OK;
    }
  }
  return status;
}

enum decompress_status decompressor_end(struct decompressor *decompressor, decompress_sink *sink,
                                        void *context) {
  size_t held = decompressor->mark_length;
  if (decompressor->place == INSIDE)
    return DECOMPRESS_CUT;
  if (decompressor->place != AT_MARK || decompressor->members > 0 || held == 0)
    return DECOMPRESS_OK;
  if (!decompressor->tentative)
    return DECOMPRESS_CUT;
  return sink(context, (const char *)decompressor->mark, held) ? DECOMPRESS_OK : DECOMPRESS_STOPPED;
}
