/* Masks the secrets that a client knows in a text for display. */
#include "../core/base.h"

#include "client_box.h"
#include "mask_text.h"
#include "record.h"

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
  ptrdiff_t written = api_client_mask(client, other, text, length, limit, out);
  if (written < 0)
    return argumentsL_raise_memory(L);
  for (int i = 0; i < 3 && has_dots; i++)
    out[written++] = '.';
  lua_pushlstring(L, out, (size_t)written);
  return 1;
}
