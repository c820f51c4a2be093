/* Who drives a client's exchanges: an engine, where the client was made with one, or whoever waits.
   Each function is that of connections.h or engine.h that fits. */
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
