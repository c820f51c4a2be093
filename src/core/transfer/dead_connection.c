#include "../base.h"

#include "../process/idle_clock.h"
#include "dead_connection.h"
#include "kept_socket.h"

/* What the path to the server has forgotten is rarely one connection: the others to that origin
   which have been silent as long, with no request on them, serve no later call either. One without
   a port has carried none yet. (Before 7.80 it is not known which have one.) */
static void end_idle(const struct exchange *exchange, const struct kept_socket *dead,
                     double seconds) {
#if LIBCURL_VERSION_NUM >= 0x075000
  uint64_t origin = exchange_origin(exchange);
  for (size_t i = 0; i < exchange->sockets->count; i++) {
    const struct kept_socket *each = &exchange->sockets->list[i];
    if (each != dead && each->origin == origin && each->users == 0 && each->local_port > 0 &&
        kept_socket_is_silent(each, seconds))
      kept_socket_end(each->descriptor);
  }
#else
  (void)exchange, (void)dead, (void)seconds;
#endif
}

/* Whether nothing has come over it, for this exchange or another one. libcurl has closed one that
   no other can use. */
static bool is_silent(const struct exchange *exchange, const struct kept_socket *socket,
                      double seconds) {
  if (socket != NULL)
    return kept_socket_is_silent(socket, seconds);
  return exchange->head.length == 0 || exchange->idle.limit > 0.0;
}

/* The connection is dead after a time-out in which nothing has come: since the request went out, or
   since something moved where a body flows. A call that was cancelled says nothing. */
int dead_connection_end(const struct exchange *exchange) {
  exchange_leave_socket(exchange);
  if (exchange->failure.kind != FAILURE_TIMEOUT || exchange->sendings == 0)
    return -1;
  const struct kept_socket *socket = kept_sockets_of(exchange->sockets, exchange->easy);
  double waited = idle_clock_now() - exchange->sent_at;
  if (exchange->idle.limit > 0.0 && exchange->idle.limit < waited)
    waited = exchange->idle.limit;
  if (!is_silent(exchange, socket, waited))
    return -1;
  end_idle(exchange, socket, waited);
  if (socket == NULL)
    return -1;
  kept_socket_end(socket->descriptor);
  return socket->descriptor;
}
