/* mic.credential_file: a record and its lock in files, for the file store. */
#ifndef MIC_BINDING_CREDENTIAL_FILE_H
#define MIC_BINDING_CREDENTIAL_FILE_H

#include "arguments.h"

MIC_PRIVATE_BEGIN

/* core.credential_file(path, key) -> file */
int credentialFileL_new(lua_State *L);
/* core.absolute_path(path) -> path | nil, kind, code, message */
int credentialFileL_absolute(lua_State *L);
void credentialFileL_open(lua_State *L);

MIC_PRIVATE_END
#endif
