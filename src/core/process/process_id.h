/* The number of this process, without a system call each time. */
#ifndef MIC_PROCESS_ID_H
#define MIC_PROCESS_ID_H

#include <sys/types.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* As getpid, which asks the kernel at every call: a call through a client asks three times whether
   it is still in the process that opened its connections. */
pid_t process_id(void);

MIC_PRIVATE_END
#endif
