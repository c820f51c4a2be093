/* Finds the TLS file that makes a connection fail. */
#ifndef MIC_TLS_FAILURE_H
#define MIC_TLS_FAILURE_H

#include "../base.h"
#include "../text/failure.h"
#include "connection_options.h"

MIC_PRIVATE_BEGIN

/* Adds to a FAILURE_TLS the file that causes it, with its option and the reason. Also reports a
   system without CA files, and a TLS library that does not support an option. Leaves other failures
   unchanged. Reads files: call it for failed exchanges only. */
void tls_failure_explain(const struct connection_options *options, struct failure *failure);

MIC_PRIVATE_END
#endif
