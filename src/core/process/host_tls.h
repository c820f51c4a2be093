/* Detects a program with its own, statically linked OpenSSL that conflicts with libcurl's. */
#ifndef MIC_HOST_TLS_H
#define MIC_HOST_TLS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Such a program exports its symbols to every library that it loads. libcurl then uses them instead
   of the OpenSSL that it was built for, which fails if the major versions differ. False then, with
   a message that says how to fix it. */
bool host_tls_fits(char *message, size_t size);

MIC_PRIVATE_END
#endif
