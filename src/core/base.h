/* Base header of every C file: feature macros, visibility, limits. Include it first: feature macros
   must precede the system's headers. */
#ifndef MIC_BASE_H
#define MIC_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hides all symbols but luaopen_mic_core. A pragma works with LuaRocks too, which does not pass our
   compiler flags. Headers put their declarations between these two, after their includes. */
#define MIC_PRIVATE_BEGIN _Pragma("GCC visibility push(hidden)")
#define MIC_PRIVATE_END _Pragma("GCC visibility pop")

#define MIC_VERSION "0.2.0"

/* 2026-01-01, in seconds since 1970. A clock that shows an earlier time is wrong. */
#define MIC_RELEASED 1767225600

/* Limits, in bytes. A token is sent in one header, and API Gateway accepts 10,240 bytes of header
   values in total: a longer secret could never be sent. */
#define MIC_SECRET_MAX ((size_t)10240)
#define MIC_AUTH_REPLY_MAX ((size_t)256 * 1024)
#define MIC_HEADER_BLOCK_MAX ((size_t)256 * 1024)
#define MIC_HEADER_FIELDS_MAX 1000 /* count, per answer */
#define MIC_JSON_DEPTH_MAX 64
/* The longest text that is masked. Errors and events show less. */
#define MASK_TEXT_MAX ((size_t)64 * 1024)

/* The largest valid time in seconds: above it a double cannot represent every second. */
#define MIC_TIME_MAX 9007199254740992.0 /* 2^53 */
/* The longest lifetime of a token that is believed, in seconds: three hundred years. */
#define MIC_LIFETIME_MAX 1e10

#endif
