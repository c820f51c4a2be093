/* What a C program on libcurl needs for the same work, as the limit to measure against: `limit COUNT`
   gets one user COUNT times over one connection and decodes each answer by lua-cjson. It prints the
   CPU seconds of the process, user and system. */
#include <curl/curl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct answer {
  char bytes[65536];
  size_t length;
};

static size_t keep(char *bytes, size_t unit, size_t count, void *context) {
  struct answer *answer = context;
  size_t length = unit * count;
  if (length > sizeof answer->bytes - answer->length)
    return 0;
  memcpy(answer->bytes + answer->length, bytes, length);
  answer->length += length;
  return length;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value) {
  char line[8192];
  snprintf(line, sizeof line, "%s: %s", name, value);
  return curl_slist_append(list, line);
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
         (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

int main(int argc, char **argv) {
  static struct answer answer;
  int count = argc > 1 ? atoi(argv[1]) : 1000;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (luaL_dostring(L, "return require('cjson').decode") != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = NULL;
  headers = add_header(headers, "Authorization", getenv("BENCH_TOKEN"));
  headers = add_header(headers, "identityId", getenv("BENCH_IDENTITY"));
  headers = add_header(headers, "x-api-key", getenv("MIC_API_KEY"));
  char url[512];
  snprintf(url, sizeof url, "%s/users/demo", getenv("MIC_BASE_URL"));
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("MIC_CA_FILE"));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  double begin = 0;
  for (int i = -10; i < count; i++) { /* the first ten warm up */
    if (i == 0)
      begin = cpu_seconds();
    long status = 0;
    answer.length = 0;
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
      fprintf(stderr, "limit: %d, HTTP %ld\n", (int)code, status);
      return 1;
    }
    lua_pushvalue(L, 1);
    lua_pushlstring(L, answer.bytes, answer.length);
    if (lua_pcall(L, 1, 1, 0) != 0)
      return 1;
    lua_pop(L, 1);
  }
  printf("%.6f\n", cpu_seconds() - begin);
  return 0;
}
