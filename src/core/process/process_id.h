/* Cached getpid(). */
#ifndef MIC_PROCESS_ID_H
#define MIC_PROCESS_ID_H

#include <sys/types.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* The id of this process. getpid() is a system call, and a call of a client asks three times, in an
   event loop eleven times. So the id is cached, and each child of fork() caches its own. A child of
   vfork(), _Fork() or a bare clone() is not told from its parent. The first two may only start a
   program. */
pid_t process_id(void);

MIC_PRIVATE_END
#endif
