#include "../base.h"

#include "../text/json_scan.h"
#include "token_time.h"

static bool read_number(const char *text, size_t length, double *number) {
  struct json_value value;
  bool present = false;
  if (json_find(text, length, NULL, 0, &value, &present) != JSON_OK || !present ||
      value.kind != JSON_NUMBER)
    return false;
  *number = json_read_number(text, value.span);
  return true;
}

/* ---- dates (RFC 3339) ---- */

/* Takes `count` digits and then the byte `behind`, unless that is NUL. */
static bool take_digits(const char **text, const char *end, int count, char behind, int *number) {
  *number = 0;
  for (int i = 0; i < count; i++, (*text)++) {
    if (*text == end || **text < '0' || **text > '9')
      return false;
    *number = *number * 10 + (**text - '0');
  }
  if (behind == '\0')
    return true;
  return *text < end && *(*text)++ == behind;
}

/* Days since 1970 in the Gregorian calendar. */
static int days_since_1970(int year, int month, int day) {
  int shifted = month > 2 ? year : year - 1; /* years that begin in March */
  int in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + in_year - 719468;
}

/* Reads "Z" or "+hh:mm" or nothing, which counts as UTC. */
static bool take_zone(const char *text, const char *end, double *offset) {
  int hours = 0, minutes = 0;
  *offset = 0.0;
  if (text == end)
    return true;
  char sign = *text++;
  if (sign == 'Z' || sign == 'z')
    return text == end;
  if ((sign != '+' && sign != '-') || !take_digits(&text, end, 2, '\0', &hours))
    return false;
  if (text < end && *text == ':')
    text++;
  if (text < end && !take_digits(&text, end, 2, '\0', &minutes))
    return false;
  *offset = (sign == '-' ? -60.0 : 60.0) * (hours * 60 + minutes);
  return text == end;
}

static bool read_date(const char *text, size_t length, double *seconds) {
  const char *end = text + length;
  int year, month, day, hour, minute, second;
  double offset = 0.0;
  if (!take_digits(&text, end, 4, '-', &year) || !take_digits(&text, end, 2, '-', &month) ||
      !take_digits(&text, end, 2, '\0', &day) || month < 1 || month > 12 || day < 1 || day > 31)
    return false;
  if (text == end || (*text != 'T' && *text != 't' && *text != ' '))
    return false;
  text++;
  if (!take_digits(&text, end, 2, ':', &hour) || !take_digits(&text, end, 2, ':', &minute) ||
      !take_digits(&text, end, 2, '\0', &second) || hour > 24 || minute > 59 || second > 60)
    return false;
  if (text < end && *text == '.') /* a fraction of a second does not matter */
    for (text++; text < end && *text >= '0' && *text <= '9';)
      text++;
  if (!take_zone(text, end, &offset))
    return false;
  *seconds =
      days_since_1970(year, month, day) * 86400.0 + hour * 3600.0 + minute * 60.0 + second - offset;
  return true;
}

double token_time_left(const char *text, size_t length, enum time_unit unit, double wall) {
  double left = 0.0;
  if (length == 0) /* `text` may be NULL then */
    return 0.0;
  bool read = unit == TIME_ISO ? read_date(text, length, &left) : read_number(text, length, &left);
  if (!read)
    return 0.0;
  if (unit == TIME_MILLISECONDS)
    left /= 1000.0;
  else if (unit != TIME_SECONDS)
    left -= wall;
  return left > 0.0 && left <= MIC_LIFETIME_MAX ? left : 0.0;
}
