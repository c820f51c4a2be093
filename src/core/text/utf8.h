/* UTF-8 output and hex digits, as decoders of escapes need them. */
#ifndef MIC_UTF8_H
#define MIC_UTF8_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Writes the code point (at most 0x10FFFF) as 1 to 4 bytes; returns how many. */
size_t utf8_write(uint32_t code, char out[4]);
/* The value of a hex digit; -1 for any other byte. */
int hex_digit(int byte);
/* Reads `count` hex digits. False if there are fewer: *value is unchanged then. */
bool hex_read(const char *text, size_t length, size_t count, uint32_t *value);

MIC_PRIVATE_END
#endif
