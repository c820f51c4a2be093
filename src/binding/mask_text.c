/* Masks the secrets that a client knows in a text for display. */
#include "../core/base.h"

#include <string.h>

#include "../core/text/secret_finder.h"
#include "client_box.h"
#include "mask_text.h"
#include "record.h"

enum { MASK_SLACK = 64 }; /* bytes read beyond the limit, so that no escape is cut there */

/* Writes text[0..limit) to `out` with `***` for each secret. `out` needs max(limit, 3) bytes.
   Returns the number of bytes written; -1 if out of memory. */
static ptrdiff_t write_masked(const struct api_client *client, const struct record *other,
                              const char *text, size_t length, size_t limit, char *out) {
  size_t seen = length > limit + MASK_SLACK ? limit + MASK_SLACK : length;
  bool cut = seen < length, found = false;
  size_t written = 0, copied = 0, at = 0, start, end;
  struct mask mask;
  mask_init(&mask);
  api_client_secrets(client, true, &mask);
  if (other != NULL)
    known_secrets_add_record(other, true, &mask);
  if (cut || seen >= mask.shortest) {
    if (!mask_begin(&mask, seen))
      return -1;
    found = mask_find(&mask, text, seen, cut);
  }
  while (found && mask_next(&mask, &at, &start, &end) && start < limit) {
    memcpy(out + written, text + copied, start - copied);
    written += start - copied;
    memset(out + written, '*', 3);
    written += 3;
    copied = end;
  }
  mask_end(&mask);
  if (copied < limit) {
    memcpy(out + written, text + copied, limit - copied);
    written += limit - copied;
  }
  return (ptrdiff_t)written;
}

/* Replaces each secret of this client, and its identity, with *** in a text, in any spelling; also
   the previous ones. Of a closed client no secrets are known, so no text is shown.
   ---@param text string
   ---@param record? mic.record not adopted; its secrets are masked too
   ---@param limit? integer bytes: the rest is cut off; default: 64 KiB, and "..." marks the cut
   ---@return string masked */
int clientL_mask(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  size_t length = 0;
  const char *text = luaL_checklstring(L, 2, &length);
  const struct record *other = recordL_test(L, 3);
  double wanted = argumentsL_optional_number(L, 4, (double)MASK_TEXT_MAX);
  size_t limit = wanted >= 0.0 && wanted < (double)MASK_TEXT_MAX ? (size_t)wanted : MASK_TEXT_MAX;
  bool has_dots = lua_isnoneornil(L, 4) && length > limit;
  if (limit > length)
    limit = length;
  char *out = lua_newuserdata(L, limit + 6);
  /* No finalizer can run from here on, so borrowed pointers stay valid. */
  if (client->closed && length > 0) {
    lua_pushliteral(L, "***");
    return 1;
  }
  ptrdiff_t written = write_masked(client, other, text, length, limit, out);
  if (written < 0)
    return argumentsL_raise_memory(L);
  for (int i = 0; i < 3 && has_dots; i++)
    out[written++] = '.';
  lua_pushlstring(L, out, (size_t)written);
  return 1;
}
