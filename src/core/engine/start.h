/* Birth and death of an engine's shared part: thread, locks, the sessions that both threads use. */
#ifndef MIC_ENGINE_LIFE_H
#define MIC_ENGINE_LIFE_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* With its thread running; NULL when that cannot be. */
struct engine_core *engine_make(bool patient);
/* After engine_stop, with no job left. */
void engine_free(struct engine_core *core);

MIC_PRIVATE_END
#endif
