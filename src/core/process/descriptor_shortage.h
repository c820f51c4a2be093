/* Detects that a failure is due to a lack of file descriptors. Libraries report it as an unknown
   host, or as a certificate that cannot be verified. */
#ifndef MIC_DESCRIPTOR_SHORTAGE_H
#define MIC_DESCRIPTOR_SHORTAGE_H

#include <curl/curl.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

/* EMFILE or ENFILE if fewer descriptors are free now than a connection needs, else 0. */
int descriptor_shortage(void);
/* True if a lack of descriptors may be the cause of libcurl's `code`, or of `error`, the errno of a
   socket. Sets the failure then. */
bool descriptor_shortage_explains(CURLcode code, int error, struct failure *failure);

MIC_PRIVATE_END
#endif
