/* What every C file of mic.core starts with: feature macros, visibility, limits.
   Include it first: the feature macros only work before the system's headers. */
#ifndef MIC_BASE_H
#define MIC_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything but luaopen_mic_core stays inside the module. A pragma, not a compiler flag,
   so that a build by LuaRocks is as closed as one by make. Own headers put their
   declarations between these two, after their includes. */
#define MIC_PRIVATE_BEGIN _Pragma("GCC visibility push(hidden)")
#define MIC_PRIVATE_END _Pragma("GCC visibility pop")

#define MIC_VERSION "0.1.0"

/* Limits, in bytes. A token travels in one header and API Gateway takes 10,240 bytes of header
   values in all: a longer secret could never be sent. */
#define MIC_SECRET_MAX ((size_t)10240)
#define MIC_AUTH_REPLY_MAX ((size_t)256 * 1024)
#define MIC_HEADER_BLOCK_MAX ((size_t)256 * 1024)
#define MIC_HEADER_FIELDS_MAX 1000 /* of an answer, in number */
#define MIC_JSON_DEPTH_MAX 64
/* What can be masked of a text: all that an error or an event shows is shorter. */
#define MASK_TEXT_MAX ((size_t)64 * 1024)

/* The last time that is read: from here on a double does not tell seconds apart. */
#define MIC_TIME_MAX 9007199254740992.0 /* 2^53 */

#endif
