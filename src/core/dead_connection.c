#include "base.h"

#include "dead_connection.h"
#include "idle_clock.h"
#include "kept_socket.h"

/* The socket, or -1. The connection is dead after a time-out in which nothing came over it, for
   this exchange or another one: since the request went out, or since something moved where a body
   flows. A call that was cancelled says nothing. */
static int dead_socket(const struct exchange *exchange) {
  if (exchange->failure.kind != FAILURE_TIMEOUT || exchange->sendings == 0)
    return -1;
  const struct kept_socket *socket = kept_sockets_of(exchange->sockets, exchange->easy);
  double waited = idle_clock_now() - exchange->sent_at;
  if (exchange->idle.limit > 0.0 && exchange->idle.limit < waited)
    waited = exchange->idle.limit;
  return socket != NULL && kept_socket_is_silent(socket, waited) ? socket->descriptor : -1;
}

int dead_connection_end(const struct exchange *exchange) {
  int descriptor = dead_socket(exchange);
  if (descriptor >= 0)
    kept_socket_end(descriptor);
  return descriptor;
}
