/* Programs that bring an OpenSSL of their own. */
#ifndef MIC_HOST_TLS_H
#define MIC_HOST_TLS_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* A program that was linked with a static OpenSSL and exports its symbols gives that to every
   library that it loads, libcurl too, in place of the one that libcurl was built for. With another
   major version the two do not fit. False then, with a message and its mend. */
bool host_tls_fits(char *message, size_t size);

MIC_PRIVATE_END
#endif
