/* UTF-8 output, and digits of hex and base64, as decoders need them. */
#ifndef MIC_UTF8_H
#define MIC_UTF8_H

#include "../base.h"

MIC_PRIVATE_BEGIN

/* Writes the code point (at most 0x10FFFF) as 1 to 4 bytes; returns how many. */
size_t utf8_write(uint32_t code, char out[4]);
/* The value of a hex digit; -1 for any other byte. */
int hex_digit(int byte);
/* The value of a digit of base64, of either alphabet; -1 for any other byte. */
int base64_digit(char byte);
/* Reads `count` hex digits. False if there are fewer: *value is unchanged then. */
bool hex_read(const char *text, size_t length, size_t count, uint32_t *value);

MIC_PRIVATE_END
#endif
