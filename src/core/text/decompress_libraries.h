/* Declarations of zlib, brotli and zstd, stable since their first releases.
   All symbols are weak: NULL if no library in the process has them. So building needs no extra
   headers or libraries. zlib itself checks the size of the struct. The symbols are not part of this
   module, so they stay outside of MIC_PRIVATE_BEGIN. */
#ifndef MIC_DECOMPRESS_LIBRARIES_H
#define MIC_DECOMPRESS_LIBRARIES_H

#include "../base.h"

struct zlib_stream {
  const unsigned char *next_in;
  unsigned available_in;
  unsigned long total_in;
  unsigned char *next_out;
  unsigned available_out;
  unsigned long total_out;
  const char *message;
  void *state;
  void *(*allocate)(void *opaque, unsigned items, unsigned size);
  void (*release)(void *opaque, void *memory);
  void *opaque;
  int data_type;
  unsigned long adler;
  unsigned long reserved;
};

enum { ZLIB_OK = 0, ZLIB_END = 1, ZLIB_NO_MEMORY = -4, ZLIB_NO_PROGRESS = -5 };
enum { ZLIB_WINDOW = 15, ZLIB_GZIP = 16 };

extern __attribute__((weak)) int inflateInit2_(struct zlib_stream *stream, int window,
                                               const char *version, int size);
extern __attribute__((weak)) int inflate(struct zlib_stream *stream, int flush);
extern __attribute__((weak)) int inflateReset(struct zlib_stream *stream);
extern __attribute__((weak)) int inflateEnd(struct zlib_stream *stream);

enum { BROTLI_ERROR, BROTLI_END, BROTLI_WANTS_INPUT, BROTLI_HAS_OUTPUT };

extern __attribute__((weak)) void *
BrotliDecoderCreateInstance(void *(*allocate)(void *opaque, size_t size),
                            void (*release)(void *opaque, void *memory), void *opaque);
extern __attribute__((weak)) int
BrotliDecoderDecompressStream(void *state, size_t *available_in, const unsigned char **next_in,
                              size_t *available_out, unsigned char **next_out, size_t *total_out);
extern __attribute__((weak)) void BrotliDecoderDestroyInstance(void *state);

struct zstd_in {
  const void *bytes;
  size_t size, position;
};
struct zstd_out {
  void *bytes;
  size_t size, position;
};

extern __attribute__((weak)) void *ZSTD_createDStream(void);
extern __attribute__((weak)) size_t ZSTD_decompressStream(void *stream, struct zstd_out *out,
                                                          struct zstd_in *in);
extern __attribute__((weak)) unsigned ZSTD_isError(size_t code);
extern __attribute__((weak)) size_t ZSTD_freeDStream(void *stream);

#endif
