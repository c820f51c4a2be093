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

enum { PROFILE_PATH_MAX = 8, PROFILE_MEMBER_MAX = 96 };

/* The meaning of an answer for the credentials. */
enum answer_meaning { ANSWER_PLAIN, ANSWER_EXPIRED, ANSWER_REFUSED };

/* An answer is recognised by its status and a text in its body or its WWW-Authenticate. */
struct known_answer {
  long status;
  char *text; /* owned; NULL: any */
};

struct known_answers {
  struct known_answer *list; /* owned */
  size_t count;
};

/* Path of keys from the root of a JSON document, such as "data.access_token". */
struct member_path {
  char *text;                         /* owned; NULL: not in this profile */
  char *split;                        /* owned: the text with a NUL after each key */
  const char *keys[PROFILE_PATH_MAX]; /* into `split` */
  size_t count;                       /* 0: the whole body */
};

struct profile_header {
  char *name; /* owned */
  struct template value;
};

struct profile_headers {
  struct profile_header *list; /* owned */
  size_t count;
};

/* A login or refresh request. */
struct profile_request {
  char method[24]; /* "": the profile has no such request */
  char *path;      /* owned: as the profile has it, without query */
  struct template target;
  bool at_root; /* the path is "/": the auth URL as it is written, and a query */
  bool has_body;
  struct template body;
  struct profile_headers headers;
};

struct profile {
  char *name;
  bool by_function; /* a function of the user's logs in and refreshes */
  bool is_default;  /* its records carry no name, so that version 0.1 can read them */
  struct profile_request login, refresh;
  struct member_path token, refresh_token, identity, expires; /* members of both replies */
  enum time_unit expires_as;
  bool never_expires; /* only the API knows when a token ends */
  double lifetime;    /* seconds, where nothing else tells; 0: unknown */
  struct profile_headers headers;
  char *identity_query; /* query member that carries the identity; NULL: none */
  char **open;          /* path prefixes that need no login; owned */
  size_t open_count;
  struct known_answers expired, refused;
};

/* Each adds one part and returns false with a phrase in `problem` if it is not valid. The phrase is
   "out of memory" in that case. The text need not end with a NUL. */
bool profile_set_request(struct profile_request *request, const char *text, size_t length,
                         const struct login_values *values, struct template_problem *problem);
bool profile_set_body(struct profile_request *request, const char *text, size_t length,
                      const struct login_values *values, struct template_problem *problem);
bool profile_add_header(struct profile_headers *headers, const char *line, size_t length,
                        const struct login_values *values, struct template_problem *problem);
bool profile_set_member(struct member_path *path, const char *text, size_t length,
                        struct template_problem *problem);
bool profile_add_open(struct profile *profile, const char *prefix, size_t length,
                      struct template_problem *problem);
/* `text` NULL: any text. */
bool profile_add_answer(struct known_answers *answers, long status, const char *text, size_t length,
                        struct template_problem *problem);
void profile_clear(struct profile *profile);

/* True if a path below the base URL (with or without ?query) needs no login. */
bool profile_is_open(const struct profile *profile, const char *path, size_t length);
/* True if the client itself sets this header. */
bool profile_owns_header(const struct profile *profile, const char *name, size_t length);
/* Appends the line of a header. One whose value is not set is left out. False if out of memory. */
bool profile_append_header(struct curl_slist **lines, const struct profile_header *header,
                           const struct login_values *values);
/* True if this is the method and the path of the request. */
bool profile_request_is(const struct profile_request *request, const char *method, const char *path,
                        size_t length);
/* The first value without which the headers of a call cannot be sent; -1 if there is none. */
int profile_headers_missing(const struct profile *profile, const struct login_values *values);
/* True if a header of a call uses this value. `always`: and cannot be left out without it. */
bool profile_sends(const struct profile *profile, unsigned value, bool always);
/* The first value without which this request cannot be sent; -1 if there is none. */
int profile_request_missing(const struct profile_request *request,
                            const struct login_values *values);
bool profile_request_uses(const struct profile_request *request, unsigned value);

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
