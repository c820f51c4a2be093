/* The API as data: paths, field names, header names and the answers that mean something. No other
   file of src/ knows a name of MIC's. */
#ifndef MIC_PROFILE_H
#define MIC_PROFILE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum { PROFILE_PATH_MAX = 4, PROFILE_LIST_MAX = 4 };

/* What an answer that is not 2xx means for the life of the credentials. */
enum answer_meaning { ANSWER_PLAIN, ANSWER_EXPIRED, ANSWER_REFUSED };

/* An answer is recognised by its status and by a text anywhere in its body: more members may
   stand beside it. A NULL text matches every body. */
struct known_answer {
  long status;
  const char *text;
};

/* Keys from the root of a JSON document; `count` of them. */
struct member_path {
  const char *keys[PROFILE_PATH_MAX];
  size_t count;
};

struct api_profile {
  const char *login_path; /* POST, below the base URL */
  const char *refresh_path;
  const char *open_prefixes[PROFILE_LIST_MAX]; /* paths that need no login; NULL ends the list */

  const char *username_field; /* members of the login request */
  const char *password_field;
  const char *refresh_field; /* member of the refresh request */

  struct member_path identity; /* members of both replies */
  struct member_path token;
  struct member_path refresh_token;

  const char *token_header;
  const char *token_prefix; /* before the token in its header; "" for the raw token */
  const char *identity_header;
  const char *identity_query;
  const char *api_key_header;

  struct known_answer expired[PROFILE_LIST_MAX]; /* status 0 ends the lists */
  struct known_answer refused[PROFILE_LIST_MAX]; /* of login and refresh */
};

extern const struct api_profile profile_mic;

/* True when a path below the base URL (it may hold ?query) needs no login. */
bool profile_is_open(const struct api_profile *profile, const char *path, size_t length);
/* True when the client itself sets a header of this name. */
bool profile_owns_header(const struct api_profile *profile, const char *name, size_t length);
/* `auth_call`: the answer is one to login or refresh. */
enum answer_meaning profile_meaning(const struct api_profile *profile, bool auth_call, long status,
                                    const char *body, size_t length);

MIC_PRIVATE_END
#endif
