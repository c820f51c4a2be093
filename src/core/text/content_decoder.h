/* The body of an answer as its Content-Encoding says: the codings are undone from the last one on.
   A name that is no coding known here (aws-chunked, UTF-8) is passed over; what stands before it in
   the list is undone only where the bytes show that it was applied. */
#ifndef MIC_CONTENT_DECODER_H
#define MIC_CONTENT_DECODER_H

#include "decompress.h"

MIC_PRIVATE_BEGIN

enum content_status {
  CONTENT_OK,
  CONTENT_STOPPED, /* by the sink, which knows why */
  CONTENT_BROKEN,
  CONTENT_CUT,
  CONTENT_SWELLS, /* to much more than what came */
  CONTENT_NO_MEMORY
};

struct content_decoder;

/* From a received header block; NULL with CONTENT_OK when there is nothing to undo. */
struct content_decoder *content_decoder_new(const char *head, size_t length, decompress_sink *sink,
                                            void *context, enum content_status *status);
enum content_status content_decoder_feed(struct content_decoder *decoder, const char *bytes,
                                         size_t length);
/* The body has ended; the last bytes may go to the sink. */
enum content_status content_decoder_end(struct content_decoder *decoder);
void content_decoder_free(struct content_decoder *decoder); /* NULL is fine */

MIC_PRIVATE_END
#endif
