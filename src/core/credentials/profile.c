#include "../base.h"

#include <string.h>

#include "../text/header.h"
#include "profile.h"

const struct api_profile profile_mic = {
    .login_path = "/auth/login",
    .refresh_path = "/auth/refresh",
    .open_prefixes = {"/auth/", "/metadata", NULL},
    .username_field = "userName",
    .password_field = "password",
    .refresh_field = "refreshToken",
    .identity = {{"credentials", "identityId"}, 2},
    .token = {{"credentials", "token"}, 2},
    .refresh_token = {{"credentials", "refreshToken"}, 2},
    .token_header = "Authorization",
    .token_prefix = "",
    .identity_header = "identityId",
    .identity_query = "identityId",
    .api_key_header = "x-api-key",
    /* API Gateway sends 401; a customised gateway response may send 403. */
    .expired = {{401, "The incoming token has expired"}, {403, "The incoming token has expired"}},
    /* INVALID_LOGIN is not documented with one status. A 401 without it is a refusal too. */
    .refused = {{400, "INVALID_LOGIN"}, {401, NULL}, {403, "INVALID_LOGIN"}},
};

bool profile_is_open(const struct api_profile *profile, const char *path, size_t length) {
  for (size_t i = 0; i < PROFILE_LIST_MAX && profile->open_prefixes[i] != NULL; i++) {
    const char *prefix = profile->open_prefixes[i];
    size_t size = strlen(prefix);
    if (length < size || memcmp(path, prefix, size) != 0)
      continue;
    /* A prefix without a trailing slash matches whole segments: /metadata, not /metadatabase. */
    if (prefix[size - 1] == '/' || length == size || path[size] == '/' || path[size] == '?')
      return true;
  }
  return false;
}

bool profile_owns_header(const struct api_profile *profile, const char *name, size_t length) {
  return header_name_is(name, length, profile->token_header) ||
         header_name_is(name, length, profile->identity_header) ||
         header_name_is(name, length, profile->api_key_header);
}

static bool is_known(const struct known_answer *answers, long status, const char *body,
                     size_t length) {
  for (size_t i = 0; i < PROFILE_LIST_MAX && answers[i].status != 0; i++) {
    if (answers[i].status != status)
      continue;
    const char *text = answers[i].text;
    if (text == NULL || (length > 0 && memmem(body, length, text, strlen(text)) != NULL))
      return true;
  }
  return false;
}

enum answer_meaning profile_meaning(const struct api_profile *profile, bool auth_call, long status,
                                    const char *body, size_t length) {
  if (auth_call)
    return is_known(profile->refused, status, body, length) ? ANSWER_REFUSED : ANSWER_PLAIN;
  return is_known(profile->expired, status, body, length) ? ANSWER_EXPIRED : ANSWER_PLAIN;
}
