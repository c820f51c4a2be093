/* One compressed body, undone piece by piece. The libraries that do it are those that libcurl has
   brought into the process; a build without one of them leaves that compression alone. libcurl's
   own decoding cannot be stopped once it has read Content-Encoding, and ends after one gzip member.
 */
#ifndef MIC_DECOMPRESS_H
#define MIC_DECOMPRESS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum decompress_status {
  DECOMPRESS_OK,
  DECOMPRESS_STOPPED, /* the sink returned false */
  DECOMPRESS_BROKEN,
  DECOMPRESS_CUT, /* ends in the middle */
  DECOMPRESS_NO_MEMORY
};

/* Takes what was undone; false ends it. */
typedef bool decompress_sink(void *context, const char *bytes, size_t length);

struct compression; /* a kind of it */
struct decompressor;

/* NULL when this name is none that can be undone here. Case-insensitive. */
const struct compression *compression_find(const char *name, size_t length);
/* "gzip, deflate, br": those that can be undone here, for Accept-Encoding; "" for none. */
void compression_list(char *names, size_t size);
/* Whether a body of this kind begins with bytes that nothing else begins with. */
bool compression_has_mark(const struct compression *compression);

/* A tentative one passes a body on as it is that does not begin with the mark. NULL: no memory. */
struct decompressor *decompressor_new(const struct compression *compression, bool tentative);
enum decompress_status decompressor_feed(struct decompressor *decompressor, const char *bytes,
                                         size_t length, decompress_sink *sink, void *context);
/* The body has ended. */
enum decompress_status decompressor_end(struct decompressor *decompressor, decompress_sink *sink,
                                        void *context);
void decompressor_free(struct decompressor *decompressor); /* wipes what it held; NULL is fine */

MIC_PRIVATE_END
#endif
