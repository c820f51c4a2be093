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

/* libcurl sends again by itself what was sent on a kept connection and had no answer, and before
   8.20 does not tell why. Over HTTP/2 the stream was refused then, or the server broke the rules:
   but then the connection has ended, or nghttp2 has sent a farewell. */
static bool is_refused(const struct refusal *refusal, const char *text,
                       const struct kept_socket *socket) {
  if (begins(text, "HTTP/2 stream ") && strstr(text, "refused by server") != NULL)
    return true;
  if (begins(text, "REFUSED_STREAM") || begins(text, "Downgrades to HTTP/1.1"))
    return true;
  return begins(text, "Connection died, retrying") && refusal->stream > 0 && !refusal->doubtful &&
         socket != NULL && refusal->segments > 0 &&
         kept_socket_segments(socket->descriptor) == refusal->segments &&
         !kept_socket_has_ended(socket->descriptor);
}

static void note_sending(struct refusal *refusal, const struct kept_socket *socket) {
  refusal->segments = socket == NULL ? 0 : kept_socket_segments(socket->descriptor);
}

static void note_text(struct refusal *refusal, const char *text, const struct kept_socket *socket) {
  unsigned long stream = opened_stream(text);
  if (stream > 0) {
    refusal->stream = stream;
    refusal->doubtful = false;
    refusal->said = false;
  } else if (goes_away_without(refusal, text) || is_refused(refusal, text, socket)) {
    refusal->said = true;
    refusal->http1 = begins(text, "Downgrades");
  } else if (!is_harmless(text)) {
    refusal->doubtful = true;
  } else if (strstr(text, "complete") != NULL) { /* the request is out */
    note_sending(refusal, socket);
  }
}

void refusal_note(struct refusal *refusal, curl_infotype type, const char *bytes, size_t length,
                  const struct kept_socket *socket) {
  char text[TEXT_MAX];
  if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
    note_sending(refusal, socket);
  if (type != CURLINFO_TEXT)
    return;
  if (length >= sizeof text)
    length = sizeof text - 1;
  memcpy(text, bytes, length);
  text[length] = '\0';
  note_text(refusal, text, socket);
}
