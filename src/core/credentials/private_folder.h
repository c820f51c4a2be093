/* Opens and creates private files and folders, and rejects what other users can access. Every call
   sets `failure` (kind store) if it fails, with the reason and how to fix it, without the path. The
   codes EPERM, ELOOP, EINVAL and EISDIR mean that the file or folder is not trusted; others come
   from the system. */
#ifndef MIC_PRIVATE_FOLDER_H
#define MIC_PRIVATE_FOLDER_H

#include <sys/stat.h>

#include "../base.h"
#include "../text/failure.h"

MIC_PRIVATE_BEGIN

enum { PRIVATE_BELOW_MAX = 24 };

/* Opens a folder that no other user may change: owned by us or root, and not writable for others
   unless it is sticky. `make`: creates it and its parents with mode 0700, whatever the umask.
   Returns a descriptor or -1; -1 without a failure if it does not exist and `make` is false. If it
   is rejected but a folder inside would be accepted, `below` is the name of that, else empty. */
int private_folder_open(const char *path, bool make, struct failure *failure,
                        char below[PRIVATE_BELOW_MAX]);

/* Opens a regular file of ours that others can neither read nor write. Never follows a symbolic
   link, never blocks on a FIFO. Returns a descriptor or -1; -1 without a failure if there is
   none. */
int private_file_open(int folder, const char *name, int flags, struct stat *facts,
                      struct failure *failure);
/* Creates such a file with mode 0600, whatever the umask. Returns a descriptor or -1; -1 without a
   failure if the name exists. */
int private_file_make(int folder, const char *name, int flags, struct failure *failure);

/* Sets the failure of an errno, with a hint how to fix it. */
void private_failure(struct failure *failure, int error);

MIC_PRIVATE_END
#endif
