/* The engines whose threads run, for what befalls the process as a whole: its end and a fork. */
#ifndef MIC_ENGINE_LIVE_H
#define MIC_ENGINE_LIVE_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

void engine_registry_enter(struct engine_core *core);
/* Before the thread is asked to end. */
void engine_registry_leave(struct engine_core *core);
/* All of them at once, linked by next_live, at the end of the process; NULL when the list is in
   use. */
struct engine_core *engine_registry_take(void);

MIC_PRIVATE_END
#endif
