/* Profile: what is known of an API, compiled once for each client from a table of strings. How to
   log in and refresh, where the reply has the credentials, which headers carry them, and what an
   answer means. No other file of src/ contains a name of an API. */
#ifndef MIC_PROFILE_H
#define MIC_PROFILE_H

#include <curl/curl.h>

#include "../base.h"
#include "template.h"
#include "token_time.h"

MIC_PRIVATE_BEGIN

enum { PROFILE_PATH_MAX = 8, PROFILE_MEMBER_MAX = 96, PROFILE_NAME_MAX = 64 };

/* The meaning of an answer for the credentials. */
enum answer_meaning { ANSWER_PLAIN, ANSWER_EXPIRED, ANSWER_REFUSED };

struct profile_item {
  char *text;  /* owned: a header's name, a path prefix, or a text of an answer, where NULL
                  stands for any */
  long status; /* of an answer, which is recognised by it and by a text in its body or its
                  WWW-Authenticate */
  struct template value; /* of a header */
};

struct profile_list {
  struct profile_item *list; /* owned */
  size_t count;
  unsigned uses, needs; /* those of all templates in it: see template.h */
};

/* Path of keys from the root of a JSON document, such as "data.access_token". */
struct member_path {
  char text[PROFILE_MEMBER_MAX + 1];
  char split[PROFILE_MEMBER_MAX + 1]; /* the text with a NUL after each key */
  const char *keys[PROFILE_PATH_MAX]; /* into `split` */
  size_t count;                       /* 0: not in this profile, or of the token the whole body */
};

/* The members of both replies. */
enum profile_member {
  MEMBER_IDENTITY,
  MEMBER_TOKEN,
  MEMBER_REFRESH_TOKEN,
  MEMBER_EXPIRES,
  PROFILE_MEMBERS
};

/* A login or refresh request. */
struct profile_request {
  char method[24]; /* "": the profile has no such request */
  struct template target;
  bool at_root; /* the path is "/": the auth URL as it is written, and a query */
  bool has_body;
  struct template body;
  struct profile_list headers;
};

struct profile {
  char name[PROFILE_NAME_MAX + 1];
  char identity_query[PROFILE_NAME_MAX + 1]; /* query member that carries the identity; "": none */
  bool by_function;                          /* a function of the user's logs in and refreshes */
  bool is_default; /* its records carry no name, so that version 0.1 can read them */
  struct profile_request login, refresh;
  struct member_path members[PROFILE_MEMBERS];
  enum time_unit expires_as;
  bool never_expires; /* only the API knows when a token ends */
  double lifetime;    /* seconds, where nothing else tells; 0: unknown */
  struct profile_list headers;
  struct profile_list open; /* path prefixes that need no login */
  struct profile_list expired, refused;
};

enum profile_field_kind {
  FIELD_NAME,
  FIELD_UNIT,
  FIELD_MEMBER,
  FIELD_REQUEST,
  FIELD_BODY,
  FIELD_HEADERS, /* from here on a list */
  FIELD_OPEN,
  FIELD_ANSWERS
};

/* A field of the table that a profile is made from. */
struct profile_field {
  char name[16];
  unsigned char kind;    /* profile_field_kind */
  unsigned short offset; /* in struct profile */
};

enum { PROFILE_FIELDS = 17 };
extern const struct profile_field profile_fields[PROFILE_FIELDS];

/* Sets a field, or adds one element to a list. `text` need not end with a NUL; NULL: any, of an
   answer. `status`: of an answer. False with a phrase in `problem` if it is not valid. */
bool profile_set(struct profile *profile, const struct profile_field *field, const char *text,
                 size_t length, long status, const struct login_values *values,
                 struct template_problem *problem);
void profile_clear(struct profile *profile);

/* True if a path below the base URL (with or without ?query) needs no login. */
bool profile_is_open(const struct profile *profile, const char *path, size_t length);
/* True if the client itself sets this header. */
bool profile_owns_header(const struct profile *profile, const char *name, size_t length);
/* Appends the line of a header. One whose value is not set is left out. False if out of memory. */
bool profile_append_header(struct curl_slist **lines, const struct profile_item *header,
                           const struct login_values *values);
/* True if a login or the user's login data is needed to fill it. */
bool profile_needs_login(const struct template *template);
/* True if calls cannot be sent without an identity. */
bool profile_needs_identity(const struct profile *profile);
/* The first value without which this request cannot be sent; -1 if there is none. */
int profile_request_missing(const struct profile_request *request,
                            const struct login_values *values);
/* Bits of the built-in values that the request uses. */
unsigned profile_request_uses(const struct profile_request *request);

/* An answer, for its meaning. */
struct profile_answer {
  long status;
  const char *body;
  size_t body_length;
  const char *head; /* the header block */
  size_t head_length;
};

enum answer_meaning profile_meaning(const struct profile *profile,
                                    const struct profile_answer *answer);
/* The same of the answer to a login or refresh. */
enum answer_meaning profile_auth_meaning(const struct profile *profile, bool refresh,
                                         const struct profile_answer *answer);
/* True if an answer of this status may have a meaning, so that its text must be looked at. */
bool profile_may_mean(const struct profile *profile, long status);

MIC_PRIVATE_END
#endif
