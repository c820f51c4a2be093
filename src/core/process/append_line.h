/* Appends lines to a file of which other users may not read what it creates. */
#ifndef MIC_APPEND_LINE_H
#define MIC_APPEND_LINE_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Appends the bytes in one write; a new file has the mode 0600. The file is not kept open, so that
   it may be moved away. Never waits for the reader of a pipe. Returns 0 or an errno. */
int append_line(const char *path, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
