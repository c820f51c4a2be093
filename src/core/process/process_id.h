/* Cached getpid(). */
#ifndef MIC_PROCESS_ID_H
#define MIC_PROCESS_ID_H

#include <sys/types.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* getpid() is a system call. A call of a client checks three times whether it still is in the
   process that opened its connections. */
pid_t process_id(void);

MIC_PRIVATE_END
#endif
