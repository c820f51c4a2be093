/* Creates and frees the state of an engine: thread, locks, shared TLS sessions. */
#ifndef MIC_ENGINE_LIFE_H
#define MIC_ENGINE_LIFE_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* Starts the thread too. NULL on failure. */
struct engine_core *engine_make(bool patient);
/* Call it after engine_stop, with no job left. */
void engine_free(struct engine_core *core);

MIC_PRIVATE_END
#endif
