/* Which loaded object, a library or the program, an address belongs to. */
#ifndef MIC_LOADED_OBJECT_H
#define MIC_LOADED_OBJECT_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Identifies the object: equal for two addresses in the same one; NULL if none. `file` is set to
   its path, which is empty for the program itself on some systems. It may be NULL. */
const void *loaded_object_of(const void *address, const char **file);

MIC_PRIVATE_END
#endif
