/* Failures that come of a process or system that can open no more: libraries report them as a host
   that is not known, or a certificate that cannot be verified. */
#ifndef MIC_DESCRIPTOR_SHORTAGE_H
#define MIC_DESCRIPTOR_SHORTAGE_H

#include <curl/curl.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

/* EMFILE or ENFILE where fewer descriptors are left at this moment than a connection takes; 0. */
int descriptor_shortage(void);
/* Whether that may be why libcurl failed so, or `error`, the errno of a socket, says it: then it is
   the failure. */
bool descriptor_shortage_explains(CURLcode code, int error, struct failure *failure);

MIC_PRIVATE_END
#endif
