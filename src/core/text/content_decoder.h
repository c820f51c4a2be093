/* Decodes a response body as its Content-Encoding says, from the last coding to the first. Unknown
   names (aws-chunked, UTF-8) are skipped. A coding that precedes such a name is decoded only if the
   bytes prove that it was applied. */
#ifndef MIC_CONTENT_DECODER_H
#define MIC_CONTENT_DECODER_H

#include "decompress.h"

MIC_PRIVATE_BEGIN

enum content_status {
  CONTENT_OK,
  CONTENT_STOPPED, /* the sink returned false */
  CONTENT_BROKEN,
  CONTENT_CUT,
  CONTENT_SWELLS, /* output is suspiciously large: a decompression bomb */
  CONTENT_NO_MEMORY
};

struct content_decoder;

/* Reads the codings from a received header block. NULL with CONTENT_OK if there is nothing to
   decode. */
struct content_decoder *content_decoder_new(const char *head, size_t length, decompress_sink *sink,
                                            void *context, enum content_status *status);
enum content_status content_decoder_feed(struct content_decoder *decoder, const char *bytes,
                                         size_t length);
/* Call it at the end of the body; may pass the last bytes to the sink. */
enum content_status content_decoder_end(struct content_decoder *decoder);
void content_decoder_free(struct content_decoder *decoder); /* NULL is allowed */

MIC_PRIVATE_END
#endif
