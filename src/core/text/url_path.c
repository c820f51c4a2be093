#include "../base.h"

#include <string.h>

#include "url_path.h"
#include "utf8.h"

/* ---- dot segments ---- */

/* Reads a text as if percent-decoded several times, byte by byte. Each level reads up to three
   bytes of the level below; URL_PATH_DECODED bounds the recursion. */
struct reader {
  const char *text;
  size_t length;
};

/* Returns the byte at *at and advances; -1 at the end. */
static int next_byte(const struct reader *reader, size_t *at, int times) {
  if (*at >= reader->length)
    return -1;
  if (times == 0)
    return (unsigned char)reader->text[(*at)++];
  int byte = next_byte(reader, at, times - 1);
  if (byte != '%')
    return byte;
  size_t after = *at;
  int high = hex_digit(next_byte(reader, &after, times - 1));
  int low = high < 0 ? -1 : hex_digit(next_byte(reader, &after, times - 1));
  if (low < 0)
    return byte;
  *at = after;
  return high << 4 | low;
}

static bool ends_name(int byte) {
  return byte == ';' || byte == '?' || byte == '#' || byte == '\0';
}

static bool has_dot_part(const struct reader *reader, int times) {
  size_t at = 0;
  int dots = 0; /* dots in the segment so far; 3: not only dots */
  int byte;
  do {
    byte = next_byte(reader, &at, times);
    bool separates = byte < 0 || byte == '/' || byte == '\\';
    if ((separates || ends_name(byte)) && (dots == 1 || dots == 2))
      return true;
    if (separates)
      dots = 0;
    else
      dots = byte == '.' && dots < 3 ? dots + 1 : 3;
  } while (byte >= 0);
  return false;
}

bool url_has_dot_part(const char *text, size_t length, int times) {
  const struct reader reader = {text, length};
  if (length > 0 && memchr(text, '.', length) != NULL && has_dot_part(&reader, 0))
    return true;
  if (length == 0 || memchr(text, '%', length) == NULL)
    return false;
  for (int i = 1; i <= times; i++)
    if (has_dot_part(&reader, i))
      return true;
  return false;
}

/* ---- paths ---- */

#define BY_PARAMS "; put {name} there and the value into params.name, which encodes it"

const char *url_path_problem(const char *path, size_t length) {
  if (length == 0 || path[0] != '/')
    return "must begin with \"/\"";
  const char *query = memchr(path, '?', length);
  size_t end = query == NULL ? length : (size_t)(query - path);
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)path[i];
    if (byte == '#')
      return "must not contain \"#\"" BY_PARAMS;
    if (byte == '\\')
      return "must not contain \"\\\"" BY_PARAMS;
    if (byte <= ' ' || byte >= 0x7f)
      return "has a space, a control byte or a non-ASCII byte" BY_PARAMS;
  }
  if (url_has_dot_part(path, end, URL_PATH_DECODED))
    return "must not have \".\" or \"..\" as a segment";
  return NULL;
}

bool url_path_is_plain(const char *path, size_t length) {
  return url_path_problem(path, length) == NULL && memchr(path, '{', length) == NULL &&
         memchr(path, '}', length) == NULL;
}
