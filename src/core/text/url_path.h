/* Validates the path of a URL, no matter how often a server decodes it. */
#ifndef MIC_URL_PATH_H
#define MIC_URL_PATH_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* NULL if the path may be joined to a base URL, else what is wrong, as a phrase after "path ". */
const char *url_path_problem(const char *path, size_t length);
/* True if it is valid and has no brace: a braced path is a template, which Lua fills in. */
bool url_path_is_plain(const char *path, size_t length);
/* True if a segment between "/" or "\" is "." or "..", also if ";", "?", "#" or NUL follows: in the
   text as it is, or percent-decoded up to `times` times. */
bool url_has_dot_part(const char *text, size_t length, int times);

/* How often a server may decode. A param value is already encoded once more than a path. */
enum { URL_PARAM_DECODED = 2, URL_PATH_DECODED = 3 };

MIC_PRIVATE_END
#endif
