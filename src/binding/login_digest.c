#include "../core/base.h"

#include <string.h>

#include "../core/api_client.h"
#include "../core/credentials/refused_login.h"
#include "client_box.h"
#include "login_digest.h"
#include "record.h"

/* The digest that identifies a refused login. Takes some milliseconds.
   ---@param username string
   ---@param password string
   ---@return string digest 32 bytes */
static int client_login_digest(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct login_part parts[3];
  parts[1].bytes = luaL_checklstring(L, 2, &parts[1].length);
  parts[2].bytes = luaL_checklstring(L, 3, &parts[2].length);
  /* Last: no finalizer can run from here on. */
  parts[0] = (struct login_part){client->api_key.bytes, client->api_key.length};
  unsigned char digest[SHA256_SIZE];
  if (!login_digest(client->base.root, parts, 3, digest))
    return argumentsL_raise_memory(L);
  lua_pushlstring(L, (const char *)digest, sizeof digest);
  return 1;
}

/* A record without credentials, for refusals and a pause.
   ---@return mic.record record */
static int client_no_login(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct record *record = recordL_push(L);
  if (!secret_set(&record->root, client->base.root, strlen(client->base.root)))
    return argumentsL_raise_memory(L);
  return 1;
}

const struct method clientL_digest_methods[] = {
    {"login_digest", client_login_digest}, {"no_login", client_no_login}, {"", NULL}};
