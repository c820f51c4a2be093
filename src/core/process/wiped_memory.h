/* The memory of libcurl, wiped before it is freed: its buffers hold the bodies of logins and the
   headers of calls. */
#ifndef MIC_WIPED_MEMORY_H
#define MIC_WIPED_MEMORY_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Starts libcurl. Where something in the process has started it before, the memory stays as it was
   set up then; and where the allocator does not tell the size of a block, it is not wiped. */
CURLcode wiped_memory_start_curl(void);

MIC_PRIVATE_END
#endif
