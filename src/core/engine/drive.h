/* Dispatches to the client's engine, or to the waiting caller if the client has no engine. Each
   function does what its counterpart in connections.h or engine.h does. */
#ifndef MIC_DRIVE_H
#define MIC_DRIVE_H

#include "../base.h"
#include "../transfer/connections.h"
#include "engine.h"

MIC_PRIVATE_BEGIN

void drive_start(struct engine *engine, struct connections *connections, struct exchange *exchange);
void drive_cancel(struct exchange *exchange, enum failure_kind kind, const char *message);
void drive_wait(struct engine *engine, struct connections *connections, struct exchange *exchange,
                double seconds, bool (*interrupted)(void *context), void *context);
void drive_close(struct engine *engine, struct connections *connections);

MIC_PRIVATE_END
#endif
