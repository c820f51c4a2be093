#include "../base.h"

#include "../process/idle_clock.h"
#include "dead_connection.h"
#include "kept_socket.h"

/* A path that forgot one connection usually forgot others. So this also ends those to the same
   origin that were silent for as long and have no request in flight. A connection without a known
   port has carried no request. (Before 7.80 it is unknown which have one.) */
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

/* True if nothing was received on the connection, for any exchange. NULL: libcurl has closed it
   already, so no other exchange used it. */
static bool is_silent(const struct exchange *exchange, const struct kept_socket *socket,
                      double seconds) {
  if (socket != NULL)
    return kept_socket_is_silent(socket, seconds);
  return exchange->head.length == 0 || exchange->idle.limit > 0.0;
}

/* A connection is dead if a call timed out and nothing was received since the request was sent, or,
   while a body flows, since its last progress. A cancelled call proves nothing. */
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
