#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "canned_server.h"

enum { CONNECTIONS_MAX = 64, REQUEST_MAX = 256 * 1024, ANSWER_MAX = 512 * 1024, LARGE = 400000 };

/* Two tokens that expire in the far future. Under /expired, the first one is rejected as
   expired. */
#define TOKEN_ONE                                                                                  \
  "eyJhbGciOiJSUzI1NiJ9."                                                                          \
  "eyJzdWIiOiJhbm5hIiwibiI6IkEiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MjcwMDAwMDAwMH0.c2lnbmF0dXJl"
#define TOKEN_TWO                                                                                  \
  "eyJhbGciOiJSUzI1NiJ9."                                                                          \
  "eyJzdWIiOiJhbm5hIiwibiI6IkIiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MjcwMDAwMDAwMH0.c2lnbmF0dXJl"

/* Flags of an answer. */
enum { WHOLE = 0, CUT = 1, LARGE_BODY = 2, CHUNKED = 4 };

struct rule {
  const char *request;  /* "METHOD /path", without a query */
  const char *contains; /* in head or body; NULL: anything */
  const char *status;   /* may include header lines; each but the last ends with \r\n */
  const char *body;     /* @PORT@ is replaced by the port */
  int flags;
};

static const struct rule rules[] = {
    {"POST /prod/auth/login", "wrong-secret", "401 Unauthorized",
     "{\"message\":\"Unauthorized\",\"messageKey\":\"INVALID_LOGIN\"}", WHOLE},
    {"POST /prod/auth/login", "no-token", "200 OK", "{\"credentials\":{\"token\":null}}", WHOLE},
    {"POST /prod/auth/login", NULL, "200 OK",
     "{\"user\":{\"userName\":\"anna\"},\"credentials\":{\"identityId\":\"eu-west-1:4c3b\","
     "\"token\":\"" TOKEN_ONE
     "\",\"refreshToken\":\"refresh-one-secret\"},\"permissions\":[\"a\"]}",
     WHOLE},
    {"POST /prod/auth/refresh", "refresh-dead", "401 Unauthorized",
     "{\"message\":\"Unauthorized\",\"messageKey\":\"NOT_AUTHORIZED\"}", WHOLE},
    {"POST /prod/auth/refresh", "refresh-busy", "503 Service Unavailable", "{\"message\":\"busy\"}",
     WHOLE},
    {"POST /prod/auth/refresh", NULL, "200 OK",
     "{\"credentials\":{\"identityId\":\"eu-west-1:4c3b\",\"token\":\"" TOKEN_TWO "\","
     "\"refreshToken\":\"refresh-two-secret\"}}",
     WHOLE},
    {"GET /prod/expired", TOKEN_TWO, "200 OK", "{\"fresh\":true}", WHOLE},
    {"GET /prod/expired", NULL, "401 Unauthorized",
     "{\"message\":\"The incoming token has expired\"}", WHOLE},
    {"GET /prod/user", "Authorization: eyJ", "200 OK\r\nX-Twice: one\r\nX-Twice: two",
     "{\"userName\":\"anna\",\"list\":[1,2.5,{\"deep\":[[]]}],\"none\":null}", WHOLE},
    {"GET /prod/user", NULL, "403 Forbidden", "{\"message\":\"Forbidden\"}", WHOLE},
    {"GET /prod/ping", NULL, "200 OK", "{\"pong\":true}", WHOLE},
    {"GET /prod/missing", NULL, "404 Not Found\r\nx-amzn-RequestId: 7f3a",
     "{\"errorMessage\":\"User not found\",\"messageKey\":\"USER_NOT_FOUND\","
     "\"messageParams\":{\"userName\":\"anna\"},\"property\":\"userName\"}",
     WHOLE},
    {"GET /prod/echo", "eyJ", "500 Internal Server Error\r\nx-amzn-RequestId: key-secret",
     "{\"message\":{\"message\":\"word-secret, %6Bey-secret, word%2Dse\\u0063ret, "
     "a2V5LXNlY3JldA==\","
     "\"messageKey\":\"refresh-one-secret\",\"property\":\"" TOKEN_ONE "\","
     "\"messageParams\":{\"word-secret\":\"key&#x2D;secret\"}}}",
     WHOLE},
    {"GET /prod/cut", NULL, "200 OK", "{\"half\":", CUT},
    {"GET /prod/broken", NULL, "200 OK", "{\"half\":", WHOLE},
    /* {"name":"éàü0"} */
    {"GET /prod/packed", NULL, "200 OK\r\nContent-Encoding:\r\n identity,\r\n deflate",
     "\253\126\312\113\314\115\125\262\122\072\274\362\360\202\303\173\014\224\152\001", WHOLE},
    {"GET /prod/chunked", NULL, "200 OK", "{\"pieces\":true}", CHUNKED},
    {"GET /prod/busy", NULL, "503 Service Unavailable\r\nRetry-After: 0", "{\"message\":\"busy\"}",
     WHOLE},
    {"GET /prod/moved", NULL, "302 Found\r\nLocation: /prod/ping", "", WHOLE},
    {"GET /prod/large", NULL, "200 OK", "", LARGE_BODY},
    {"GET /prod/large-cut", NULL, "200 OK", "", LARGE_BODY | CUT},
    {"POST /prod/things", "\"name\":\"lamp\"", "201 Created", "{\"created\":true}", WHOLE},
    {"POST /prod/observations/find", "\"gte\":0", "200 OK",
     "{\"hits\":{\"total\":3,\"hits\":[{\"_id\":\"a\",\"sort\":[1]},"
     "{\"_id\":\"b\",\"sort\":[2]}]}}",
     WHOLE},
    {"POST /prod/observations/find", "\"gte\":2", "200 OK",
     "{\"hits\":{\"total\":2,\"hits\":[{\"_id\":\"b\",\"sort\":[2]},"
     "{\"_id\":\"c\",\"sort\":[3]}]}}",
     WHOLE},
    {"POST /prod/observations/find", "\"gte\":3", "200 OK",
     "{\"hits\":{\"total\":1,\"hits\":[{\"_id\":\"c\",\"sort\":[3]}]}}", WHOLE},
    {"PUT /prod/file", "0123456789", "200 OK", "{\"kept\":true}", WHOLE},
    {"GET /elsewhere", NULL, "200 OK", "{\"elsewhere\":true}", WHOLE},
    {"GET /manifest", NULL, "200 OK",
     "{\"ApiGatewayRootUrl\":\"http://127.0.0.1:@PORT@\",\"StackName\":\"prod\"}", WHOLE},
    {"GET /prod/metadata/manifest", NULL, "200 OK", "{\"ApiKey\":\"key-from-manifest\"}", WHOLE},
    {NULL, NULL, "404 Not Found", "{\"message\":\"no such answer\"}", WHOLE},
};

struct connection {
  int socket;
  size_t length;
  char *bytes; /* of the request so far, NUL-terminated */
};

static int port;

static bool send_all(int socket, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

static bool fits(const struct rule *rule, const char *request) {
  if (rule->request == NULL)
    return true;
  size_t length = strlen(rule->request);
  if (strncmp(request, rule->request, length) != 0 || strchr(" ?", request[length]) == NULL)
    return false;
  return rule->contains == NULL || strstr(request, rule->contains) != NULL;
}

/* Writes the body of a rule; returns its length. */
static size_t make_body(const struct rule *rule, char *body) {
  if (rule->flags & LARGE_BODY) {
    memset(body, 'x', LARGE);
    return LARGE;
  }
  const char *mark = strstr(rule->body, "@PORT@");
  if (mark == NULL)
    return (size_t)sprintf(body, "%s", rule->body);
  return (size_t)sprintf(body, "%.*s%d%s", (int)(mark - rule->body), rule->body, port, mark + 6);
}

/* Sends with one call, so that the client always reads the same pieces. False if the connection
   must close. */
static bool answer(int socket, const char *request) {
  static char body[ANSWER_MAX], text[2 * ANSWER_MAX];
  const struct rule *rule = rules;
  while (!fits(rule, request))
    rule++;
  size_t size = make_body(rule, body);
  size_t length =
      (size_t)sprintf(text, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n", rule->status);
  if (rule->flags & CHUNKED)
    length += (size_t)sprintf(
        text + length, "Transfer-Encoding: chunked\r\n\r\n3\r\n%.3s\r\n%zx\r\n%s\r\n0\r\n\r\n",
        body, size - 3, body + 3);
  else
    length += (size_t)sprintf(text + length, "Content-Length: %zu\r\n\r\n", size);
  if (rule->flags & CUT)
    size = size / 2 + 1;
  if (strncmp(request, "HEAD", 4) != 0 && !(rule->flags & CHUNKED)) {
    memcpy(text + length, body, size);
    length += size;
  }
  return send_all(socket, text, length) && !(rule->flags & CUT);
}

/* Length of the request; 0 if it is incomplete. */
static size_t whole_length(const struct connection *connection) {
  const char *end = strstr(connection->bytes, "\r\n\r\n");
  if (end == NULL)
    return 0;
  size_t length = (size_t)(end + 4 - connection->bytes);
  const char *field = strcasestr(connection->bytes, "\r\nContent-Length:");
  if (field != NULL && field < end)
    length += strtoul(field + 17, NULL, 10);
  return connection->length >= length ? length : 0;
}

/* Reads available bytes and answers complete requests. False if the connection must close. */
static bool serve(struct connection *connection) {
  ssize_t got = read(connection->socket, connection->bytes + connection->length,
                     REQUEST_MAX - connection->length);
  if (got <= 0)
    return false;
  connection->length += (size_t)got;
  connection->bytes[connection->length] = '\0';
  for (size_t length = whole_length(connection); length > 0; length = whole_length(connection)) {
    if (!answer(connection->socket, connection->bytes))
      return false;
    connection->length -= length;
    memmove(connection->bytes, connection->bytes + length, connection->length + 1);
  }
  return connection->length < REQUEST_MAX;
}

static void take_connection(int listener, struct connection *connections) {
  int socket = accept(listener, NULL, NULL);
  for (int i = 0; i < CONNECTIONS_MAX && socket >= 0; i++) {
    if (connections[i].socket >= 0)
      continue;
    if (connections[i].bytes == NULL)
      connections[i].bytes = malloc(REQUEST_MAX + 1);
    if (connections[i].bytes == NULL)
      exit(1);
    connections[i].socket = socket;
    connections[i].length = 0;
    return;
  }
  if (socket >= 0)
    close(socket);
}

static void serve_all(int listener) {
  static struct connection connections[CONNECTIONS_MAX];
  struct pollfd events[CONNECTIONS_MAX + 1];
  for (int i = 0; i < CONNECTIONS_MAX; i++)
    connections[i].socket = -1;
  for (;;) {
    for (int i = 0; i < CONNECTIONS_MAX; i++)
      events[i] = (struct pollfd){connections[i].socket, POLLIN, 0};
    events[CONNECTIONS_MAX] = (struct pollfd){listener, POLLIN, 0};
    if (poll(events, CONNECTIONS_MAX + 1, -1) < 0)
      continue;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
      if (connections[i].socket < 0 || events[i].revents == 0 || serve(&connections[i]))
        continue;
      close(connections[i].socket);
      connections[i].socket = -1;
    }
    if (events[CONNECTIONS_MAX].revents != 0)
      take_connection(listener, connections);
  }
}

int canned_server_start(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    perror("canned server");
    exit(2);
  }
  port = ntohs(address.sin_port);
  pid_t child = fork();
  if (child < 0) {
    perror("canned server");
    exit(2);
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    serve_all(listener);
  }
  close(listener);
  return port;
}
