/* Registry of running engines, for process exit and fork. */
#ifndef MIC_ENGINE_LIVE_H
#define MIC_ENGINE_LIVE_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

void engine_registry_enter(struct engine_core *core);
/* Call it before stopping the thread. */
void engine_registry_leave(struct engine_core *core);
/* Takes all engines, linked by next_live, at process exit. NULL if the list is locked. */
struct engine_core *engine_registry_take(void);

MIC_PRIVATE_END
#endif
