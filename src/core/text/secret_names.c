#include "../base.h"

#include <string.h>

#include "ascii.h"
#include "secret_names.h"
#include "words.h"

/* A longer name of a header is taken for a secret. */
enum { HEADER_NAME_MAX = 127, PLAIN_SIZE = 256 };

/* Of members: parts of names, and whole names. */
static const char member_parts[] =
    "password\0passwd\0passphrase\0token\0secret\0apikey\0credential\0"
    "accessor\0accesskey\0signature\0assertion\0";
static const char member_names[] = "code\0session\0pin\0otp\0jwt\0sig\0identityid\0authorization\0"
                                   "cookie\0";
/* Of headers: parts of names. */
static const char header_parts[] =
    "auth\0token\0secret\0passw\0cookie\0session\0key\0jwt\0credential\0"
    "identity\0signature\0assertion\0xsrf\0csrf\0";

/* Copies a name in lower case, without the bytes of `without` and NUL. */
static void make_plain(const char *name, size_t length, const char *without,
                       char plain[PLAIN_SIZE]) {
  size_t kept = 0;
  for (size_t i = 0; i < length && kept < PLAIN_SIZE - 1; i++)
    if (strchr(without, name[i]) == NULL)
      plain[kept++] = ascii_lower(name[i]);
  plain[kept] = '\0';
}

static bool has_part(const char *plain, const char *parts) {
  for (const char *part = parts; *part != '\0'; part = word_after(part))
    if (strstr(plain, part) != NULL)
      return true;
  return false;
}

static bool is_one_of(const char *plain, const char *names) {
  for (const char *name = names; *name != '\0'; name = word_after(name))
    if (strcmp(plain, name) == 0)
      return true;
  return false;
}

bool secret_names_member(const char *name, size_t length) {
  char plain[PLAIN_SIZE];
  make_plain(name, length, "_-. ", plain);
  return is_one_of(plain, member_names) || has_part(plain, member_parts);
}

bool secret_names_header(const char *name, size_t length) {
  char plain[PLAIN_SIZE];
  if (ascii_is(name, length, "WWW-Authenticate") || ascii_is(name, length, "Proxy-Authenticate"))
    return false;
  make_plain(name, length, "", plain);
  return length > HEADER_NAME_MAX || has_part(plain, header_parts);
}
