/* Jobs as the engine's thread sees them: the list of running jobs, their end, and the completion
   queue. */
#ifndef MIC_ENGINE_JOBS_H
#define MIC_ENGINE_JOBS_H

#include "../base.h"
#include "engine_state.h"

MIC_PRIVATE_BEGIN

/* Under the lock. engine_tell: adds a job that ended or has a piece or progress to the completion
   queue. engine_untell: removes it. */
void engine_tell(struct engine_core *core, struct engine_job *job);
void engine_untell(struct engine_core *core, struct engine_job *job);

/* The functions below are for the engine's thread. */

/* True if the job streams its body or reports progress. */
bool engine_is_listened(const struct engine_job *job);
void engine_link_running(struct engine_core *core, struct engine_job *job);
/* Ends a job that does not run. The caller owns it afterwards. */
void engine_hand_back(struct engine_core *core, struct engine_job *job);
/* Reads the outcome of a running job and ends it. */
void engine_end_job(struct engine_core *core, struct engine_job *job, CURLcode code);

MIC_PRIVATE_END
#endif
