/* Calls that end before libcurl says so: cancelled, or over one of their time limits. For the
   engine's thread. */
#ifndef MIC_ENGINE_LIMITS_H
#define MIC_ENGINE_LIMITS_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* The time of a job begins to run. */
void engine_timeouts_set(struct engine_core *core, struct engine_job *job);
/* Ends a running job, or parks it. */
void engine_timeouts_cancel(struct engine_core *core, struct engine_job *job);
/* Ends those whose time is over; core->next_look says when to look again. */
void engine_timeouts_look(struct engine_core *core);

MIC_PRIVATE_END
#endif
