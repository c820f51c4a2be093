#include "../base.h"

#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "record.h"

/* File format: magic, version, numbers, four byte strings, refusals, checksum. Numbers are IEEE
   754 doubles of 8 bytes, lengths have 4 bytes, all little-endian. Version 1 has no retry_at.
   From version 3 on it has refusals (a byte with their count, then digest, time and count of
   each), and may lack a token. Version 4 adds the name of the profile. Version 5 adds a byte, the
   failures before retry_at, 2 or more; a retry_at of an older version follows one. Each record is
   written as the oldest version that can hold it, for older readers. Magic, version and checksum
   have the same place in every version, so that a newer version is not taken for damage. */
static const char MAGIC[] = "mic-record";
enum { MAGIC_SIZE = sizeof MAGIC - 1, SUM_SIZE = 4, NUMBERS = 5, STRINGS = 4 };
enum {
  VERSION_PAUSES = 2,
  VERSION_REFUSALS = 3,
  VERSION_PROFILES = 4,
  VERSION_FAILURES = 5,
  VERSION = VERSION_FAILURES
};

static void list_fields(const struct record *record, const double *numbers[NUMBERS],
                        const struct secret *strings[STRINGS]) {
  numbers[0] = &record->issued;
  numbers[1] = &record->expires;
  numbers[2] = &record->lifetime;
  numbers[3] = &record->generation;
  numbers[4] = &record->retry_at;
  strings[0] = &record->identity;
  strings[1] = &record->token;
  strings[2] = &record->refresh_token;
  strings[3] = &record->root;
}

/* Keeps an unset secret unset. */
static bool copy_secret(struct secret *to, const struct secret *from) {
  return from->bytes == NULL || secret_set(to, from->bytes, from->length);
}

bool record_copy(struct record *to, const struct record *from) {
  record_clear(to);
  bool copied = copy_secret(&to->identity, &from->identity) &&
                copy_secret(&to->token, &from->token) &&
                copy_secret(&to->refresh_token, &from->refresh_token) &&
                copy_secret(&to->root, &from->root) && copy_secret(&to->profile, &from->profile);
  if (!copied) {
    record_clear(to);
    return false;
  }
  to->issued = from->issued;
  to->expires = from->expires;
  to->lifetime = from->lifetime;
  to->generation = from->generation;
  to->retry_at = from->retry_at;
  to->failures = from->failures;
  to->refusals = from->refusals;
  to->received_at = from->received_at;
  return true;
}

void record_move(struct record *to, struct record *from) {
  record_clear(to);
  *to = *from;
  memset(from, 0, sizeof *from);
}

void record_clear(struct record *record) {
  secret_clear(&record->identity);
  secret_clear(&record->token);
  secret_clear(&record->refresh_token);
  secret_clear(&record->root);
  secret_clear(&record->profile);
  memset(record, 0, sizeof *record);
}

/* FNV-1a: detects damage, not manipulation. */
static uint32_t checksum(const char *bytes, size_t length) {
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < length; i++)
    sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
  return sum;
}

static void put_whole(char *out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++)
    out[i] = (char)(unsigned char)(value >> (8 * i) & 0xffu);
}

static uint64_t get_whole(const char *bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++)
    value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
  return value;
}

/* The oldest version that can hold the record. */
static unsigned char version_of(const struct record *record) {
  if (record->failures > 1 && record->retry_at > 0.0)
    return VERSION_FAILURES;
  if (record->profile.length > 0)
    return VERSION_PROFILES;
  bool plain = record->token.length > 0 && record->refusals.count == 0;
  return plain ? VERSION_PAUSES : VERSION_REFUSALS;
}

static void append_string(struct buffer *bytes, const struct secret *string) {
  char length[4];
  put_whole(length, string->length, sizeof length);
  buffer_append(bytes, length, sizeof length);
  buffer_append(bytes, string->bytes, string->length);
}

static void append_number(struct buffer *bytes, double number) {
  char scratch[8];
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  put_whole(scratch, bits, sizeof scratch);
  buffer_append(bytes, scratch, sizeof scratch);
}

static void append_byte(struct buffer *bytes, size_t value) {
  char byte = (char)(unsigned char)value;
  buffer_append(bytes, &byte, 1);
}

static void append_refusals(struct buffer *bytes, const struct refused_logins *refusals) {
  append_byte(bytes, refusals->count);
  for (size_t i = 0; i < refusals->count; i++) {
    const struct refused_login *refusal = &refusals->list[i];
    buffer_append(bytes, refusal->digest, sizeof refusal->digest);
    append_number(bytes, refusal->at);
    append_number(bytes, refusal->times);
  }
}

enum buffer_status record_write(const struct record *record, struct buffer *bytes) {
  const double *numbers[NUMBERS];
  const struct secret *strings[STRINGS];
  const double largest = MIC_GENERATION_MAX;
  list_fields(record, numbers, strings);
  if (record->generation > largest)
    numbers[3] = &largest;
  size_t start = bytes->length;
  unsigned char version = version_of(record);
  char sum[SUM_SIZE];
  buffer_append(bytes, MAGIC, MAGIC_SIZE);
  append_byte(bytes, version);
  for (size_t i = 0; i < NUMBERS; i++)
    append_number(bytes, *numbers[i]);
  for (size_t i = 0; i < STRINGS; i++)
    append_string(bytes, strings[i]);
  if (version >= VERSION_REFUSALS)
    append_refusals(bytes, &record->refusals);
  if (version >= VERSION_PROFILES)
    append_string(bytes, &record->profile);
  if (version >= VERSION_FAILURES)
    append_byte(bytes, record->failures);
  if (bytes->failed)
    return BUFFER_NO_MEMORY;
  put_whole(sum, checksum(bytes->data + start, bytes->length - start), SUM_SIZE);
  return buffer_append(bytes, sum, SUM_SIZE);
}

/* Takes bytes and advances *bytes. False if fewer are left. */
static bool take_bytes(const char **bytes, size_t *left, size_t size, const char **taken) {
  if (*left < size)
    return false;
  *taken = *bytes;
  *bytes += size;
  *left -= size;
  return true;
}

/* Takes one string and advances *bytes. */
static enum record_status take_string(const char **bytes, size_t *left, struct secret *string) {
  const char *taken;
  if (!take_bytes(bytes, left, 4, &taken))
    return RECORD_DAMAGED;
  size_t length = (size_t)get_whole(taken, 4);
  if (length > MIC_SECRET_MAX || !take_bytes(bytes, left, length, &taken))
    return RECORD_DAMAGED;
  if (length > 0 && !secret_set(string, taken, length))
    return RECORD_NO_MEMORY;
  return RECORD_READ;
}

/* Takes one number and advances *bytes. False if it is out of range. */
static bool take_number(const char **bytes, size_t *left, double *number) {
  const char *taken;
  if (!take_bytes(bytes, left, 8, &taken))
    return false;
  uint64_t bits = get_whole(taken, 8);
  memcpy(number, &bits, sizeof bits);
  return *number >= 0.0 && *number <= MIC_TIME_MAX;
}

static bool take_byte(const char **bytes, size_t *left, unsigned char *byte) {
  const char *taken;
  if (!take_bytes(bytes, left, 1, &taken))
    return false;
  *byte = (unsigned char)*taken;
  return true;
}

static bool take_refusals(const char **bytes, size_t *left, struct refused_logins *refusals) {
  const char *taken;
  unsigned char count;
  if (!take_byte(bytes, left, &count) || count > REFUSED_LOGINS_MAX)
    return false;
  for (size_t i = 0; i < count; i++) {
    struct refused_login *refusal = &refusals->list[i];
    if (!take_bytes(bytes, left, sizeof refusal->digest, &taken))
      return false;
    memcpy(refusal->digest, taken, sizeof refusal->digest);
    if (!take_number(bytes, left, &refusal->at) || !take_number(bytes, left, &refusal->times) ||
        refusal->at <= 0.0 || refusal->times < 1.0)
      return false;
  }
  refusals->count = count;
  return true;
}

static bool is_credential(const struct secret *secret) {
  return secret->length == 0 || header_can_carry(secret->bytes, secret->length);
}

/* The form of a url_base's root. It is compared with the client's before anything is sent to it. */
static bool is_root(const struct secret *root) {
  if (root->length == 0 ||
      (strncmp(root->bytes, "https://", 8) != 0 && strncmp(root->bytes, "http://", 7) != 0))
    return false;
  return ascii_is_visible(root->bytes, root->length) && root->bytes[root->length - 1] != '/';
}

/* True if there are credentials, or only refusals or a pause. Version 3 has no refresh token
   without a token. */
static bool has_content(const struct record *record) {
  if (record->token.length > 0)
    return true;
  if (record->refresh_token.length > 0)
    return record->profile.length > 0;
  return (record->refusals.count > 0 || record->retry_at > 0.0) && record->identity.length == 0;
}

static bool is_sound(const struct record *record) {
  return has_content(record) && is_credential(&record->token) && is_credential(&record->identity) &&
         is_credential(&record->refresh_token) && is_root(&record->root) &&
         record->generation <= MIC_GENERATION_MAX && /* and an integer */
         (double)(uint64_t)record->generation >= record->generation;
}

static enum record_status read_fields(struct record *record, unsigned char version,
                                      const char *bytes, size_t left) {
  double *numbers[NUMBERS] = {&record->issued, &record->expires, &record->lifetime,
                              &record->generation, &record->retry_at};
  struct secret *strings[STRINGS] = {&record->identity, &record->token, &record->refresh_token,
                                     &record->root};
  size_t count = version < VERSION_PAUSES ? NUMBERS - 1 : NUMBERS;
  for (size_t i = 0; i < count; i++) {
    if (!take_number(&bytes, &left, numbers[i]))
      return RECORD_DAMAGED;
  }
  for (size_t i = 0; i < STRINGS; i++) {
    enum record_status status = take_string(&bytes, &left, strings[i]);
    if (status != RECORD_READ)
      return status;
  }
  if (version >= VERSION_REFUSALS && !take_refusals(&bytes, &left, &record->refusals))
    return RECORD_DAMAGED;
  if (version >= VERSION_PROFILES) {
    enum record_status status = take_string(&bytes, &left, &record->profile);
    if (status != RECORD_READ)
      return status;
  }
  record->failures = record->retry_at > 0.0;
  if (version >= VERSION_FAILURES && !take_byte(&bytes, &left, &record->failures))
    return RECORD_DAMAGED;
  if (version >= VERSION_REFUSALS && version_of(record) != version)
    return RECORD_DAMAGED;
  return left == 0 && is_sound(record) ? RECORD_READ : RECORD_DAMAGED;
}

enum record_status record_read(struct record *record, const char *bytes, size_t length) {
  record_clear(record);
  const size_t frame = MAGIC_SIZE + 1 + SUM_SIZE;
  if (length < frame || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
    return RECORD_DAMAGED;
  uint32_t sum = (uint32_t)get_whole(bytes + length - SUM_SIZE, SUM_SIZE);
  unsigned char version = (unsigned char)bytes[MAGIC_SIZE];
  if (sum != checksum(bytes, length - SUM_SIZE) || version == 0)
    return RECORD_DAMAGED;
  if (version > VERSION)
    return RECORD_NEWER;
  enum record_status status = read_fields(record, version, bytes + MAGIC_SIZE + 1, length - frame);
  if (status != RECORD_READ)
    record_clear(record);
  return status;
}
