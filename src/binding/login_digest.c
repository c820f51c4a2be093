#include "../core/base.h"

#include "../core/api_client.h"
#include "../core/credentials/refused_login.h"
#include "client_box.h"
#include "login_digest.h"
#include "record.h"

static struct login_part part_of(const struct secret *secret) {
  return (struct login_part){secret->bytes, secret->length};
}

/* All that a login may send. MIC's has the API key and the two arguments, as in version 0.1. */
static size_t list_parts(const struct api_client *client, struct login_part *parts) {
  size_t count = 3; /* those of the arguments are set */
  parts[0] = part_of(&client->api_key);
  if (client->profile.is_default)
    return count;
  parts[count++] = part_of(&client->client_id);
  parts[count++] = part_of(&client->client_secret);
  /* They are sorted, so that all processes have the same digest. */
  for (size_t i = 0; i < client->own.count; i++)
    parts[count++] = part_of(&client->own.list[i].text);
  return count;
}

/* The digest that identifies a refused login. Takes some milliseconds.
   ---@param username? string
   ---@param password? string
   ---@return string digest 32 bytes */
static int client_login_digest(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct login_part *parts =
      lua_newuserdata(L, (5 + client->own.count) * sizeof *parts); /* nothing is pushed after it */
  parts[1].bytes = luaL_optlstring(L, 2, "", &parts[1].length);
  parts[2].bytes = luaL_optlstring(L, 3, "", &parts[2].length);
  size_t count = list_parts(client, parts);
  unsigned char digest[SHA256_SIZE];
  if (!login_digest(client->base.root, parts, count, digest))
    return argumentsL_raise_memory(L);
  lua_pushlstring(L, (const char *)digest, sizeof digest);
  return 1;
}

/* A record without credentials, for refusals and a pause.
   ---@return mic.record record */
static int client_no_login(lua_State *L) {
  const struct api_client *client = clientL_check(L, 1);
  struct record *record = recordL_push(L);
  if (!api_client_mark_record(client, record))
    return argumentsL_raise_memory(L);
  return 1;
}

const struct method clientL_digest_methods[] = {
    {"login_digest", client_login_digest}, {"no_login", client_no_login}, {"", NULL}};
