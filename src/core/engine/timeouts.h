/* Ends transfers before libcurl does: cancellation and timeouts. For the engine's thread. */
#ifndef MIC_ENGINE_LIMITS_H
#define MIC_ENGINE_LIMITS_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* Starts the timers of a job. */
void engine_timeouts_set(struct engine_core *core, struct engine_job *job);
/* Ends a running job, or parks it until its name lookup ends. */
void engine_timeouts_cancel(struct engine_core *core, struct engine_job *job);
/* Ends the jobs that timed out and sets core->next_look. */
void engine_timeouts_look(struct engine_core *core);

MIC_PRIVATE_END
#endif
