#include "../base.h"

#include <string.h>

#include "secret.h"
#include "sha256.h"

enum { BLOCK = 64, WORDS = 8, STEPS = 64 };

struct sha256 {
  uint32_t state[WORDS];
  uint64_t length; /* bytes so far */
  unsigned char block[BLOCK];
};

static const uint32_t constants[STEPS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t word, unsigned bits) {
  return word >> bits | word << (32 - bits);
}

static uint32_t get_word(const unsigned char *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_word(unsigned char *bytes, uint32_t word) {
  bytes[0] = (unsigned char)(word >> 24);
  bytes[1] = (unsigned char)(word >> 16 & 0xffu);
  bytes[2] = (unsigned char)(word >> 8 & 0xffu);
  bytes[3] = (unsigned char)(word & 0xffu);
}

static void compress(struct sha256 *hash) {
  uint32_t schedule[STEPS];
  for (size_t i = 0; i < 16; i++)
    schedule[i] = get_word(hash->block + 4 * i);
  for (size_t i = 16; i < STEPS; i++) {
    uint32_t early = schedule[i - 15], late = schedule[i - 2];
    schedule[i] = schedule[i - 16] + (turn(early, 7) ^ turn(early, 18) ^ early >> 3) +
                  schedule[i - 7] + (turn(late, 17) ^ turn(late, 19) ^ late >> 10);
  }
  const uint32_t *s = hash->state;
  uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  for (size_t i = 0; i < STEPS; i++) {
    uint32_t first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) +
                     constants[i] + schedule[i];
    uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  const uint32_t mixed[WORDS] = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < WORDS; i++)
    hash->state[i] += mixed[i];
  secret_wipe(schedule, sizeof schedule);
}

static void begin(struct sha256 *hash) {
  static const uint32_t initial[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->length = 0;
}

static void add(struct sha256 *hash, const void *bytes, size_t length) {
  const unsigned char *from = bytes;
  while (length > 0) {
    size_t used = (size_t)(hash->length % BLOCK);
    size_t part = length < BLOCK - used ? length : BLOCK - used;
    memcpy(hash->block + used, from, part);
    hash->length += part;
    from += part;
    length -= part;
    if (used + part == BLOCK)
      compress(hash);
  }
}

static void end(struct sha256 *hash, unsigned char digest[SHA256_SIZE]) {
  static const unsigned char padding[BLOCK] = {0x80};
  unsigned char bits[8];
  put_word(bits, (uint32_t)(hash->length >> 29));
  put_word(bits + 4, (uint32_t)(hash->length << 3 & 0xffffffffu));
  size_t used = (size_t)(hash->length % BLOCK);
  add(hash, padding, used < BLOCK - 8 ? BLOCK - 8 - used : 2 * BLOCK - 8 - used);
  add(hash, bits, sizeof bits);
  for (size_t i = 0; i < WORDS; i++)
    put_word(digest + 4 * i, hash->state[i]);
}

/* The two initial states of HMAC for a key. */
struct hmac {
  struct sha256 inner, outer;
};

static void hmac_key(struct hmac *hmac, const char *key, size_t length) {
  unsigned char block[BLOCK] = {0};
  if (length > BLOCK) {
    begin(&hmac->inner);
    add(&hmac->inner, key, length);
    end(&hmac->inner, block);
  } else if (length > 0) {
    memcpy(block, key, length);
  }
  for (size_t i = 0; i < BLOCK; i++)
    block[i] ^= 0x36;
  begin(&hmac->inner);
  add(&hmac->inner, block, BLOCK);
  for (size_t i = 0; i < BLOCK; i++)
    block[i] ^= 0x36 ^ 0x5c;
  begin(&hmac->outer);
  add(&hmac->outer, block, BLOCK);
  secret_wipe(block, sizeof block);
}

/* HMAC of `first` and `second` as one message. */
static void hmac_of(const struct hmac *hmac, const void *first, size_t first_length,
                    const void *second, size_t second_length, unsigned char digest[SHA256_SIZE]) {
  struct sha256 hash = hmac->inner;
  add(&hash, first, first_length);
  add(&hash, second, second_length);
  end(&hash, digest);
  hash = hmac->outer;
  add(&hash, digest, SHA256_SIZE);
  end(&hash, digest);
  secret_wipe(&hash, sizeof hash);
}

void sha256_stretch(const char *password, size_t password_length, const char *salt,
                    size_t salt_length, unsigned rounds, unsigned char digest[SHA256_SIZE]) {
  static const unsigned char number[4] = {0, 0, 0, 1};
  struct hmac hmac;
  unsigned char round[SHA256_SIZE];
  hmac_key(&hmac, password, password_length);
  hmac_of(&hmac, salt, salt_length, number, sizeof number, round);
  memcpy(digest, round, SHA256_SIZE);
  for (unsigned i = 1; i < rounds; i++) {
    hmac_of(&hmac, round, SHA256_SIZE, NULL, 0, round);
    for (size_t j = 0; j < SHA256_SIZE; j++)
      digest[j] ^= round[j];
  }
  secret_wipe(&hmac, sizeof hmac);
  secret_wipe(round, sizeof round);
}
