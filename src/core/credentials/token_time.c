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

/* Reads what the pattern has: "0" is a digit, and any other character ends a number. Returns the
   end of it; NULL if the text is not so. */
static const char *match(const char *text, const char *end, const char *pattern, int *numbers) {
  for (; *pattern != '\0'; pattern++, text++) {
    bool digit = text < end && *text >= '0' && *text <= '9';
    if (text == end || (*pattern == '0' ? !digit : *text != *pattern))
      return NULL;
    if (digit)
      *numbers = *numbers * 10 + (*text - '0');
    else
      numbers++;
  }
  return text;
}

/* Days since 1970 in the Gregorian calendar. */
static int days_since_1970(int year, int month, int day) {
  if (month <= 2) { /* years that begin in March */
    year--;
    month += 12;
  }
  return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month - 457) / 5 + day - 719469;
}

/* Reads "Z" or "+hh:mm" or nothing, which counts as UTC. */
static bool read_zone(const char *text, const char *end, int *minutes) {
  int numbers[2] = {0};
  *minutes = 0;
  if (text == end || ((*text == 'Z' || *text == 'z') && text + 1 == end))
    return true;
  bool west = *text == '-';
  if (!west && *text != '+')
    return false;
  text = match(text + 1, end, "00", numbers);
  if (text != NULL && text < end && *text == ':')
    text++;
  if (text != NULL && text < end)
    text = match(text, end, "00", numbers + 1);
  *minutes = (west ? -60 : 60) * numbers[0] + (west ? -numbers[1] : numbers[1]);
  return text == end;
}

static bool read_date(const char *text, size_t length, double *seconds) {
  enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NUMBERS };
  static const unsigned char most[NUMBERS] = {255, 12, 31, 24, 59, 60};
  const char *end = text + length;
  int is[NUMBERS] = {0}, zone = 0;
  text = match(text, end, "0000-00-00", is);
  if (text == NULL || text == end || (*text != 'T' && *text != 't' && *text != ' '))
    return false;
  text = match(text + 1, end, "00:00:00", is + HOUR);
  if (text == NULL || is[MONTH] < 1 || is[DAY] < 1)
    return false;
  for (int i = MONTH; i < NUMBERS; i++)
    if (is[i] > most[i])
      return false;
  if (text < end && *text == '.') /* a fraction of a second does not matter */
    for (text++; text < end && *text >= '0' && *text <= '9';)
      text++;
  if (!read_zone(text, end, &zone))
    return false;
  *seconds =
      (double)(((days_since_1970(is[YEAR], is[MONTH], is[DAY]) * (int64_t)24 + is[HOUR]) * 60 +
                is[MINUTE] - zone) *
                   60 +
               is[SECOND]);
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
