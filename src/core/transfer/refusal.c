#include "../base.h"

#include <string.h>

#include "../text/words.h"
#include "refusal.h"

enum { TEXT_MAX = 160 };

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static bool begins_with_one(const char *text, const char *words) {
  while (*words != '\0' && !begins(text, words))
    words = word_after(words);
  return *words != '\0';
}

static bool is_harmless(const char *text) {
  return begins_with_one(text, "Connection state changed\0"
                               "Connection died, retrying\0"
                               "old SSL session ID is stale\0");
}

static bool is_sent(const char *text) {
  return begins_with_one(text, "We are completely uploaded\0"
                               "upload completely sent\0"
                               "Request completely sent\0");
}

static bool is_closing(const char *text) {
  return begins_with_one(text, "Closing connection\0"
                               "closing connection\0"
                               "shutting down connection\0");
}

/* Asks the kernel only where sending twice may do harm. */
static void note_sending(struct refusal *refusal, const struct kept_socket *socket) {
  refusal->written =
      socket == NULL || refusal->harmless ? -1.0 : kept_socket_written(socket->descriptor);
}

/* True if libcurl has written nothing since the request, or if that does not matter. */
static bool is_quiet(const struct refusal *refusal, const struct kept_socket *socket) {
  return refusal->harmless ||
         (refusal->written > 0.0 && kept_socket_written(socket->descriptor) <= refusal->written);
}

/* libcurl resends a request without an answer on a kept connection by itself, and does not tell why
   before 8.20. Over HTTP/2 either the stream was refused (nghttp2 does so after a GOAWAY), or the
   server broke the protocol. In the second case the connection has ended or nghttp2 has sent a
   GOAWAY. */
static bool is_refused(const struct refusal *refusal, const char *text,
                       const struct kept_socket *socket) {
  if (begins(text, "HTTP/2 stream ") && strstr(text, "refused by server") != NULL)
    return true;
  if (begins(text, "REFUSED_STREAM") || begins(text, "Downgrades to HTTP/1.1"))
    return true;
  return begins(text, "Connection died, retrying") && !refusal->doubtful && socket != NULL &&
         !socket->is_http1 && (socket->went_away || is_quiet(refusal, socket)) &&
         !kept_socket_has_ended(socket->descriptor);
}

static void note_text(struct refusal *refusal, const char *text, struct kept_socket *socket) {
  if (is_refused(refusal, text, socket)) {
    refusal->said = true;
    refusal->http1 = begins(text, "Downgrades");
  } else if (is_sent(text)) {
    note_sending(refusal, socket);
  } else if (is_closing(text)) {
    refusal->left =
        refusal->went_away && !refusal->doubtful && socket != NULL && is_quiet(refusal, socket);
  } else if (strstr(text, "ived GOAWAY, ") != NULL) {
    refusal->went_away = true;
    if (socket != NULL)
      socket->went_away = true; /* libcurl reports it to only one stream of the connection */
  } else if (!is_harmless(text)) {
    refusal->doubtful = true;
  }
}

void refusal_begin(struct refusal *refusal, const struct kept_socket *socket, bool harmless) {
  refusal->harmless = harmless;
  refusal->doubtful = refusal->went_away = refusal->left = refusal->said = false;
  note_sending(refusal, socket);
}

void refusal_note(struct refusal *refusal, curl_infotype type, const char *bytes, size_t length,
                  struct kept_socket *socket) {
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

/* If a GOAWAY does not cover the only stream of a connection, libcurl 7.88 fails it with
   CURLE_HTTP2. A covered stream continues, or fails with another code. */
void refusal_end(struct refusal *refusal, CURLcode code) {
  refusal->said = refusal->said || (code == CURLE_HTTP2 && refusal->left);
}
