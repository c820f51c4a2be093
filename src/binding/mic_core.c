/* Module entry point: luaopen_mic_core, the only exported symbol. */
#include "../core/base.h"

#include <curl/curl.h>
#include <pthread.h>

#include "../core/process/host_tls.h"
#include "../core/process/process_environment.h"
#include "../core/process/wiped_memory.h"
#include "client.h"
#include "credential_file.h"
#include "credentials.h"
#include "engine.h"
#include "exchange.h"
#include "packed_answer.h"
#include "record.h"
#include "system.h"

#if LIBCURL_VERSION_NUM < 0x074a00
#error                                                                                             \
    "lua-mic needs libcurl 7.74 or later; this is an older one (see LIBCURL_VERSION in curlver.h)"
#endif

/* A build for a newer libcurl uses options up to 7.85. */
enum { OLDEST = LIBCURL_VERSION_NUM < 0x075500 ? LIBCURL_VERSION_NUM : 0x075500 };

/* LuaJIT's headers say 5.1, too. core_loader searches a module that cannot be loaded for this
   text. */
#if LUA_VERSION_NUM == 501 && defined(__has_include)
#if __has_include(<luajit.h>)
#define BUILT_FOR "LuaJIT"
#endif
#endif
#ifndef BUILT_FOR
#define BUILT_FOR LUA_VERSION
#endif
static const char built_for[] = "mic.core was built for " BUILT_FOR;

#define MIC_EXPORT __attribute__((visibility("default")))

MIC_EXPORT int luaopen_mic_core(lua_State *L);

/* libcurl is initialised once per process and never cleaned up, because other code may use it. */
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_once_code;

static void start_curl(void) {
  environment_clean();
  curl_once_code = wiped_memory_start_curl();
}

static void check_curl(lua_State *L) {
  char problem[320];
  if (!host_tls_fits(problem, sizeof problem))
    argumentsL_raise(L, "%s", problem);
  pthread_once(&curl_once, start_curl);
  if (curl_once_code != CURLE_OK)
    argumentsL_raise(L, "libcurl could not be started");
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (info->version_num < OLDEST)
    argumentsL_raise(L,
                     "lua-mic was built for libcurl %s, but the loaded one is %s: build it with "
                     "the libcurl that "
                     "is loaded (7.74 or later)",
                     LIBCURL_VERSION, info->version);
  if ((info->features & CURL_VERSION_SSL) == 0)
    argumentsL_raise(L, "lua-mic requires a libcurl with TLS; this one (%s) has none",
                     info->version);
}

int luaopen_mic_core(lua_State *L) {
  static const struct method functions[] = {{"client", clientL_new},
                                            {"engine", engineL_get},
                                            {"record", recordL_from_bytes},
                                            {"unpack_answer", packed_answerL_unpack},
                                            {"integers", integersL},
                                            {"credential_file", credentialFileL_new},
                                            {"absolute_path", credentialFileL_absolute},
                                            {"", NULL}};
#if LUA_VERSION_NUM >= 502
  luaL_checkversion(L); /* Lua 5.4 and 5.5 have the same symbols */
#endif
  check_curl(L);
  compatL_note_main_thread(L);
  argumentsL_open_buffer(L);
  recordL_open(L);
  packed_answerL_open(L);
  credentialFileL_open(L);
  exchangeL_open(L);
  engineL_open(L);
  clientL_open(L);
  lua_newtable(L);
  compatL_set_methods(L, functions);
  compatL_set_methods(L, systemL_functions);
  compatL_set_methods(L, textL_functions);
  clientL_push_is_fresh(L);
  lua_setfield(L, -2, "is_fresh_function");
  lua_pushliteral(L, MIC_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, built_for);
  lua_setfield(L, -2, "built_for");
  lua_pushnumber(L, (lua_Number)MIC_SECRET_MAX);
  lua_setfield(L, -2, "secret_max");
  return 1;
}
