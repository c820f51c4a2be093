/* A whole process that logs in and makes one authenticated GET, as a C program on libcurl and
   lua-cjson would: the limit of a cold start. cold BASE_URL API_KEY USER PASSWORD CA_FILE PATH */
#include "answer.h"
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 16 * 1024 };

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value) {
  static char line[TEXT_MAX];
  snprintf(line, sizeof line, "%s: %s", name, value);
  return curl_slist_append(list, line);
}

/* Sends a request and leaves the decoded answer on the stack. */
static void send_request(lua_State *L, CURL *easy, const char *url, struct answer *answer) {
  long status = 0;
  answer->length = 0;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  CURLcode code = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200) {
    fprintf(stderr, "cold: %s: %s, HTTP %ld\n", url, curl_easy_strerror(code), status);
    exit(1);
  }
  lua_getglobal(L, "decode");
  lua_pushlstring(L, answer->bytes, answer->length);
  lua_call(L, 1, 1);
}

int main(int count, char **arguments) {
  static struct answer answer;
  char url[TEXT_MAX], body[TEXT_MAX];
  if (count != 7)
    return 2;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (luaL_dostring(L, "decode = require('cjson').decode") != 0) {
    fprintf(stderr, "cold: %s\n", lua_tostring(L, -1));
    return 1;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_CAINFO, arguments[5]);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);

  struct curl_slist *headers = add_header(NULL, "x-api-key", arguments[2]);
  headers = add_header(headers, "Content-Type", "application/json");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  snprintf(body, sizeof body, "{\"userName\":\"%s\",\"password\":\"%s\"}", arguments[3],
           arguments[4]);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  snprintf(url, sizeof url, "%s/auth/login", arguments[1]);
  send_request(L, easy, url, &answer);

  lua_getfield(L, -1, "credentials");
  lua_getfield(L, -1, "token");
  lua_getfield(L, -2, "identityId");
  struct curl_slist *own = add_header(NULL, "x-api-key", arguments[2]);
  own = add_header(own, "Authorization", lua_tostring(L, -2));
  own = add_header(own, "identityId", lua_tostring(L, -1));
  curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, own);
  snprintf(url, sizeof url, "%s%s", arguments[1], arguments[6]);
  send_request(L, easy, url, &answer);

  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  curl_slist_free_all(own);
  curl_global_cleanup();
  lua_close(L);
  return 0;
}
