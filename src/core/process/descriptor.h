/* Sets flags on our own sockets and pipes, and closes them; writes to files. */
#ifndef MIC_DESCRIPTOR_H
#define MIC_DESCRIPTOR_H

#include "../base.h"

MIC_PRIVATE_BEGIN

bool descriptor_set_up(int descriptor);
void descriptor_close(int *descriptor); /* -1: none. Sets it to -1 */
/* Writes all bytes to a file. Returns 0 or errno. */
int descriptor_write(int descriptor, const char *bytes, size_t length);

MIC_PRIVATE_END
#endif
