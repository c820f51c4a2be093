/* Files that are nobody else's business: how they are opened and made, and what is refused. Every
   call sets `failure` (kind store) when it fails: what is wrong and how it is mended, without the
   path, which the caller knows. The codes EPERM, ELOOP, EINVAL and EISDIR say that what is there is
   not trusted; others come from the system. */
#ifndef MIC_PRIVATE_FOLDER_H
#define MIC_PRIVATE_FOLDER_H

#include <sys/stat.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

enum { PRIVATE_BELOW_MAX = 24 };

/* Opens a folder that nobody else may change: ours or root's, and not writable for others unless it
   is sticky. With `make` it is made, mode 0700 whatever the umask, and its parents likewise.
   Returns a descriptor, or -1; then without a failure when it is not there and was not to be made.
   When it is refused, and a folder in it would do, `below` is the name of that one, else empty. */
int private_folder_open(const char *path, bool make, struct failure *failure,
                        char below[PRIVATE_BELOW_MAX]);

/* Opens a regular file of ours that others can neither read nor write; never a symbolic link, never
   waiting for the other end of a FIFO. Returns a descriptor, or -1; then without a failure when
   there is none. */
int private_file_open(int folder, const char *name, int flags, struct stat *facts,
                      struct failure *failure);
/* Makes such a file, mode 0600 whatever the umask. Returns a descriptor, or -1; then without a
   failure when there is something of that name. */
int private_file_make(int folder, const char *name, int flags, struct failure *failure);

/* The failure for an errno, with its mend. */
void private_failure(struct failure *failure, int error);

MIC_PRIVATE_END
#endif
