/* API profile: paths, field names, header names and known answers, as data. No other file of src/
   contains a name of the API. */
#ifndef MIC_PROFILE_H
#define MIC_PROFILE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum { PROFILE_PATH_MAX = 4, PROFILE_LIST_MAX = 4 };

/* The meaning of an answer other than 2xx for the credentials. */
enum answer_meaning { ANSWER_PLAIN, ANSWER_EXPIRED, ANSWER_REFUSED };

/* An answer is recognised by its status and a text anywhere in its body, because other members may
   be added. NULL matches every body. */
struct known_answer {
  long status;
  const char *text;
};

/* Path of `count` keys from the root of a JSON document. */
struct member_path {
  const char *keys[PROFILE_PATH_MAX];
  size_t count;
};

struct api_profile {
  const char *login_path; /* POST, below the base URL */
  const char *refresh_path;
  const char *open_prefixes[PROFILE_LIST_MAX]; /* paths without login; ends with NULL */

  const char *username_field; /* members of the login request */
  const char *password_field;
  const char *refresh_field; /* member of the refresh request */

  struct member_path identity; /* members of both replies */
  struct member_path token;
  struct member_path refresh_token;

  const char *token_header;
  const char *token_prefix; /* precedes the token in its header; "" for none */
  const char *identity_header;
  const char *identity_query;
  const char *api_key_header;

  struct known_answer expired[PROFILE_LIST_MAX]; /* both lists end with status 0 */
  struct known_answer refused[PROFILE_LIST_MAX]; /* of login and refresh */
};

extern const struct api_profile profile_mic;

/* True if a path below the base URL (with or without ?query) needs no login. */
bool profile_is_open(const struct api_profile *profile, const char *path, size_t length);
/* True if the client itself sets this header. */
bool profile_owns_header(const struct api_profile *profile, const char *name, size_t length);
/* `auth_call`: the answer is to a login or refresh. */
enum answer_meaning profile_meaning(const struct api_profile *profile, bool auth_call, long status,
                                    const char *body, size_t length);

MIC_PRIVATE_END
#endif
