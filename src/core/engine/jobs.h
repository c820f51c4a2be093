/* The jobs that an engine runs, from the side of its thread: the list of them, their end, and the
   news of them for the caller. */
#ifndef MIC_ENGINE_JOBS_H
#define MIC_ENGINE_JOBS_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* Under the lock: it has ended, or has something to hand over; the caller has seen it. */
void engine_tell(struct engine_core *core, struct engine_job *job);
void engine_untell(struct engine_core *core, struct engine_job *job);

/* The others are the thread's. */

/* Whether somebody wants its pieces or progress. */
bool engine_is_listened(const struct engine_job *job);
void engine_link_running(struct engine_core *core, struct engine_job *job);
/* One that does not run has ended, and is the caller's afterwards. */
void engine_hand_back(struct engine_core *core, struct engine_job *job);
/* The same for one that runs: reads its outcome first. */
void engine_end_job(struct engine_core *core, struct engine_job *job, CURLcode code);

MIC_PRIVATE_END
#endif
