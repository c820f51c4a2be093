#include "../base.h"

#include <string.h>

#include "json_scan.h"
#include "jwt.h"
#include "secret.h"
#include "utf8.h"

/* A payload is three quarters of its segment, which is shorter than the token. */
#define PAYLOAD_MAX (MIC_SECRET_MAX / 4 * 3)

/* Some servers write milliseconds (EMQX 5). In seconds this is the year 5138. */
static const double MILLISECONDS_FROM = 1e11;

/* A digit of the alphabet of URLs. */
static int sextet(char byte) {
  return byte == '+' || byte == '/' ? -1 : base64_digit(byte);
}

/* Removes the padding from the length. False if the padding is incomplete, or if no base64 text has
   that length. */
static bool strip_padding(const char *text, size_t *length) {
  size_t end = *length;
  while (end > 0 && *length - end < 2 && text[end - 1] == '=')
    end--;
  if (end != *length && *length % 4 != 0)
    return false;
  *length = end;
  return end % 4 != 1;
}

/* `out` needs three quarters of `length`. */
static bool decode_base64url(const char *text, size_t length, char *out, size_t *out_length) {
  if (!strip_padding(text, &length))
    return false;
  uint32_t bits = 0;
  unsigned count = 0;
  size_t used = 0;
  for (size_t i = 0; i < length; i++) {
    int value = sextet(text[i]);
    if (value < 0)
      return false;
    bits = (bits << 6 | (uint32_t)value) & 0xFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[used++] = (char)(bits >> count & 0xFF);
    }
  }
  *out_length = used;
  return true;
}

/* False if the payload is not JSON. *has stays false if the claim is not a usable time. */
static bool read_claim(const char *payload, size_t length, const char *name, bool *has,
                       double *seconds) {
  struct json_value value;
  bool present;
  if (json_find(payload, length, &name, 1, &value, &present) != JSON_OK)
    return false;
  if (!present || value.kind != JSON_NUMBER)
    return true;
  double number = json_read_number(payload, value.span);
  if (number < 0 || number > MIC_TIME_MAX)
    return true;
  *has = true;
  *seconds = number > 0 ? number : 0; /* turns -0 into 0 */
  if (number > MILLISECONDS_FROM)
    *seconds = number / 1000;
  return true;
}

static bool is_object(const char *payload, size_t length) {
  struct json_value value;
  bool present;
  if (json_find(payload, length, NULL, 0, &value, &present) != JSON_OK)
    return false;
  return present && value.kind == JSON_OBJECT;
}

/* Splits header.payload.signature; the signature may be empty. */
static bool find_payload(const char *token, size_t length, const char **payload, size_t *size) {
  const char *first = memchr(token, '.', length);
  if (!first || first == token)
    return false;
  size_t left = length - (size_t)(first - token) - 1;
  const char *second = memchr(first + 1, '.', left);
  if (!second)
    return false;
  *payload = first + 1;
  *size = (size_t)(second - first) - 1;
  return memchr(second + 1, '.', left - *size - 1) == NULL;
}

bool jwt_read_times(const char *token, size_t length, struct jwt_times *times) {
  *times = (struct jwt_times){.has_issued = false};
  const char *segment;
  size_t segment_length;
  if (length == 0 || length > MIC_SECRET_MAX)
    return false;
  if (!find_payload(token, length, &segment, &segment_length))
    return false;
  char payload[PAYLOAD_MAX];
  size_t size;
  bool good = decode_base64url(segment, segment_length, payload, &size);
  good = good && is_object(payload, size) &&
         read_claim(payload, size, "iat", &times->has_issued, &times->issued) &&
         read_claim(payload, size, "exp", &times->has_expires, &times->expires);
  /* The payload may identify the user. */
  secret_wipe(payload, sizeof payload);
  return good;
}
