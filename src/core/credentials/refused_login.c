#include "../base.h"

#include <string.h>

#include "../text/buffer.h"
#include "refused_login.h"

/* About ten milliseconds. Runs once per refusal, and once in each process that knows of one and has
   the password. */
enum { ROUNDS = 10000 };

/* Appends a part with its length before it, so that parts cannot run into each other. */
static bool append_part(struct buffer *text, const struct login_part *part) {
  unsigned char length[4];
  for (size_t i = 0; i < sizeof length; i++)
    length[i] = (unsigned char)(part->length >> (8 * i) & 0xffu);
  return buffer_append(text, length, sizeof length) == BUFFER_OK &&
         (part->length == 0 || buffer_append(text, part->bytes, part->length) == BUFFER_OK);
}

bool login_digest(const char *place, const struct login_part *parts, size_t count,
                  unsigned char digest[SHA256_SIZE]) {
  struct buffer text;
  size_t limit = 0;
  for (size_t i = 0; i < count; i++)
    limit += parts[i].length + 4;
  buffer_init(&text, limit, true);
  bool ok = true;
  for (size_t i = 0; i < count && ok; i++)
    ok = append_part(&text, &parts[i]);
  if (ok)
    sha256_stretch(text.data, text.length, place, strlen(place), ROUNDS, digest);
  buffer_free(&text);
  return ok;
}
