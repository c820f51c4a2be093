/* SHA-256 (FIPS 180-4) and PBKDF2 over it (RFC 8018). libcurl has no public hash function, and its
   TLS library is not known. */
#ifndef MIC_SHA256_H
#define MIC_SHA256_H

#include "../base.h"

MIC_PRIVATE_BEGIN

enum { SHA256_SIZE = 32 };

/* PBKDF2-HMAC-SHA-256, the first 32 bytes. Wipes all copies of the password. */
void sha256_stretch(const char *password, size_t password_length, const char *salt,
                    size_t salt_length, unsigned rounds, unsigned char digest[SHA256_SIZE]);

MIC_PRIVATE_END
#endif
