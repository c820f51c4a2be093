/* Fuzz target for jwt: the input as a token, then as its payload. Numbers are compared with
   strtod. */
#include "fuzz.h"

#include "text/json_scan.h"
#include "text/jwt.h"

static const double largest = 9007199254740992.0;
static const double milliseconds_from = 1e11; /* larger times are in milliseconds */

static void check_times(const struct jwt_times *times) {
  CHECK(times->has_issued ? times->issued >= 0 && times->issued <= largest : times->issued == 0);
  CHECK(times->has_expires ? times->expires >= 0 && times->expires <= largest
                           : times->expires == 0);
}

static void check_claim(const char *payload, size_t size, const char *name, bool has,
                        double seconds) {
  struct json_value value;
  bool present;
  CHECK(json_find(payload, size, &name, 1, &value, &present) == JSON_OK);
  if (!present || value.kind != JSON_NUMBER) {
    CHECK(!has);
    return;
  }
  size_t length = value.span.end - value.span.start;
  char *number = malloc(length + 1);
  if (!number)
    abort();
  memcpy(number, payload + value.span.start, length);
  number[length] = '\0';
  double expected = strtod(number, NULL);
  free(number);
  double tolerance = expected * 1e-12 + 1e-300;
  if (has && expected > milliseconds_from + tolerance)
    seconds *= 1000.0;
  if (has)
    CHECK(seconds >= expected - tolerance && seconds <= expected + tolerance);
  else
    CHECK(expected < 0 || expected > largest - tolerance);
}

static void check_payload(const char *payload, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  char *token = malloc(size / 3 * 4 + 16);
  if (!token)
    abort();
  size_t used = 0;
  token[used++] = 'h';
  token[used++] = '.';
  for (size_t i = 0; i < size; i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; k++)
      bits = bits << 8 | (i + k < size ? (unsigned char)payload[i + k] : 0u);
    for (size_t k = 0; k < 4 && i + k <= size; k++)
      token[used++] = digits[bits >> (18 - 6 * k) & 63];
  }
  token[used++] = '.';
  struct jwt_times times;
  char *exact = exact_copy(token, used);
  free(token);
  bool good = jwt_read_times(exact, used, &times);
  free(exact);
  check_times(&times);
  struct json_value root;
  bool present;
  enum json_status status = json_find(payload, size, NULL, 0, &root, &present);
  CHECK(good == (status == JSON_OK && root.kind == JSON_OBJECT && used <= MIC_SECRET_MAX));
  if (!good)
    return;
  check_claim(payload, size, "iat", times.has_issued, times.issued);
  check_claim(payload, size, "exp", times.has_expires, times.expires);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct jwt_times times;
  char *text = exact_copy(data, size);
  bool good = jwt_read_times(text, size, &times);
  check_times(&times);
  if (!good)
    CHECK(!times.has_issued && !times.has_expires);
  check_payload(text, size);
  free(text);
  return 0;
}
