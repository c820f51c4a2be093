#include "base.h"

#include <stdlib.h>
#include <string.h>

#include "refusal.h"

enum { TEXT_MAX = 160 };

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* The number behind `mark`; 0 when there is none. */
static unsigned long number_behind(const char *text, const char *mark, int base) {
  const char *found = strstr(text, mark);
  return found == NULL ? 0 : strtoul(found + strlen(mark), NULL, base);
}

/* "Using Stream ID: 3 (easy handle 0x…)" up to 8.0, "[HTTP/2] [3] OPENED stream for https://…". */
static unsigned long opened_stream(const char *text) {
#if LIBCURL_VERSION_NUM < 0x075000
  enum { BASE = 16 };
#else
  enum { BASE = 10 };
#endif
  if (begins(text, "Using Stream ID: "))
    return number_behind(text, "ID: ", BASE);
  if (begins(text, "[HTTP/2] [") && strstr(text, "] OPENED stream") != NULL)
    return number_behind(text, "[HTTP/2] [", 10);
  return 0;
}

static bool goes_away_without(const struct refusal *refusal, const char *text) {
  static const char last[] = "last_stream=";
  return refusal->stream > 0 && strstr(text, "ived GOAWAY, ") != NULL &&
         strstr(text, last) != NULL && number_behind(text, last, 10) < refusal->stream;
}

static bool is_harmless(const char *text) {
  static const char *const known[] = {"[HTTP/2] ", "Connection state changed",
                                      "We are completely uploaded", "upload completely sent",
                                      "Request completely sent"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (begins(text, known[i]))
      return true;
  return strstr(text, "ived GOAWAY, ") != NULL;
}

/* libcurl sends again by itself what was sent on a kept connection and had no answer. Over HTTP/2
   a stream was refused then, unless the connection has ended or something else was told before. */
static bool is_refused(const struct refusal *refusal, const char *text,
                       const struct kept_socket *socket) {
  if (strstr(text, "refused by server") != NULL || begins(text, "REFUSED_STREAM") ||
      begins(text, "Downgrades to HTTP/1.1"))
    return true;
  return begins(text, "Connection died, retrying") && refusal->stream > 0 && !refusal->doubtful &&
         socket != NULL && !kept_socket_has_ended(socket->descriptor);
}

void refusal_note(struct refusal *refusal, const char *bytes, size_t length,
                  const struct kept_socket *socket) {
  char text[TEXT_MAX];
  if (length >= sizeof text)
    length = sizeof text - 1;
  memcpy(text, bytes, length);
  text[length] = '\0';
  unsigned long stream = opened_stream(text);
  if (stream > 0) {
    refusal->stream = stream;
    refusal->doubtful = false;
    refusal->said = false;
  } else if (goes_away_without(refusal, text) || is_refused(refusal, text, socket)) {
    refusal->said = true;
  } else if (!is_harmless(text)) {
    refusal->doubtful = true;
  }
}
