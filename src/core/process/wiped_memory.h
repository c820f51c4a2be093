/* Allocator for libcurl that wipes memory before freeing it: its buffers hold login bodies and
   request headers. */
#ifndef MIC_WIPED_MEMORY_H
#define MIC_WIPED_MEMORY_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Initialises libcurl with this allocator. Has no effect if libcurl was already initialised in the
   process. Memory is not wiped if the allocator does not tell the size of a block. */
CURLcode wiped_memory_start_curl(void);

MIC_PRIVATE_END
#endif
