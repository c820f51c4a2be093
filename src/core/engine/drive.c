#include "../base.h"

#include "drive.h"

void drive_start(struct engine *engine, struct connections *connections,
                 struct exchange *exchange) {
  if (engine != NULL)
    engine_start(engine, connections, exchange);
  else
    connections_start(connections, exchange);
}

void drive_cancel(struct exchange *exchange, enum failure_kind kind, const char *message) {
  if (exchange->loan != NULL)
    engine_cancel(exchange, kind, message);
  else
    connections_cancel(exchange, kind, message);
}

void drive_wait(struct engine *engine, struct connections *connections, struct exchange *exchange,
                double seconds, bool (*interrupted)(void *context), void *context) {
  if (engine == NULL) {
    connections_drive(connections, exchange, seconds, interrupted, context);
    return;
  }
  engine_wait(engine, connections, exchange, seconds, interrupted, context);
  if (exchange != NULL)
    engine_sync(exchange);
}

void drive_close(struct engine *engine, struct connections *connections) {
  if (engine != NULL)
    engine_drop(engine, connections);
  connections_close(connections);
}
