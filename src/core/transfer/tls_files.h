/* Tells which of a client's TLS files makes its connections fail. */
#ifndef MIC_TLS_FILES_H
#define MIC_TLS_FILES_H

#include "../base.h"
#include "../text/failure.h"
#include "connections.h"

MIC_PRIVATE_BEGIN

/* Adds to a failure of kind FAILURE_TLS the file that causes it, its option and the reason; or that
   the system has no authorities, or which TLS library cannot do what an option asks for. Leaves any
   other failure as it is. Reads files: for failed exchanges only. */
void tls_files_explain(const struct connection_options *options, struct failure *failure);

MIC_PRIVATE_END
#endif
