/* Streaming decompressor for gzip, deflate, brotli and zstd. It uses the libraries that libcurl has
   loaded; without one, that compression is unsupported. libcurl's own decoder cannot be turned off
   once it has read Content-Encoding, and stops after one gzip member. */
#ifndef MIC_DECOMPRESS_H
#define MIC_DECOMPRESS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum decompress_status {
  DECOMPRESS_OK,
  DECOMPRESS_STOPPED, /* the sink returned false */
  DECOMPRESS_BROKEN,
  DECOMPRESS_CUT, /* truncated */
  DECOMPRESS_NO_MEMORY
};

/* Receives the output. Return false to stop. */
typedef bool decompress_sink(void *context, const char *bytes, size_t length);

struct compression; /* a compression format */
struct decompressor;

/* NULL if the format is unknown or its library is missing. Case-insensitive. */
const struct compression *compression_find(const char *name, size_t length);
/* The supported formats for Accept-Encoding, like "gzip, deflate, br"; "" if none. */
void compression_list(char *names, size_t size);
/* True if the format has a magic number. */
bool compression_has_mark(const struct compression *compression);

/* A tentative decompressor passes a body without the magic number on unchanged. NULL: out of
   memory. */
struct decompressor *decompressor_new(const struct compression *compression, bool tentative);
enum decompress_status decompressor_feed(struct decompressor *decompressor, const char *bytes,
                                         size_t length, decompress_sink *sink, void *context);
/* Call it at the end of the body. */
enum decompress_status decompressor_end(struct decompressor *decompressor, decompress_sink *sink,
                                        void *context);
void decompressor_free(struct decompressor *decompressor); /* wipes its buffers; NULL is allowed */

MIC_PRIVATE_END
#endif
