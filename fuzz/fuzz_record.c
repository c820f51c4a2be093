/* Fuzz target for record: the input as a file, and as the content of a file with a valid checksum.
   A record that was read is written and read again. */
#include "fuzz.h"

#include "credentials/record.h"
#include "text/buffer.h"
#include "text/header.h"

static const char MAGIC[] = "mic-record";
enum { MAGIC_SIZE = sizeof MAGIC - 1, SUM_SIZE = 4 };

static bool is_empty(const struct record *record) {
  return record->token.bytes == NULL && record->identity.bytes == NULL &&
         record->refresh_token.bytes == NULL && record->root.bytes == NULL &&
         record->profile.bytes == NULL && record->expires == 0 && record->retry_at == 0 &&
         record->failures == 0 && record->refusals.count == 0;
}

static void check_number(double number) {
  CHECK(number >= 0 && number <= MIC_TIME_MAX);
}

static void check_credential(const struct secret *secret) {
  CHECK(secret->length <= MIC_SECRET_MAX);
  for (size_t i = 0; i < secret->length; i++) {
    unsigned char byte = (unsigned char)secret->bytes[i];
    CHECK(byte == '\t' || (byte > ' ' && byte != 0x7f));
  }
}

static void check_refusals(const struct refused_logins *refusals) {
  CHECK(refusals->count <= REFUSED_LOGINS_MAX);
  for (size_t i = 0; i < refusals->count; i++) {
    check_number(refusals->list[i].at);
    check_number(refusals->list[i].times);
    CHECK(refusals->list[i].at > 0 && refusals->list[i].times >= 1);
  }
}

static void check_same(const struct record *one, const struct record *other) {
  CHECK(secret_equal(&one->token, &other->token));
  CHECK(secret_equal(&one->identity, &other->identity));
  CHECK(secret_equal(&one->refresh_token, &other->refresh_token));
  CHECK(secret_equal(&one->root, &other->root));
  CHECK(secret_equal(&one->profile, &other->profile));
  CHECK(memcmp(&one->issued, &other->issued, sizeof one->issued) == 0);
  CHECK(memcmp(&one->expires, &other->expires, sizeof one->expires) == 0);
  CHECK(memcmp(&one->lifetime, &other->lifetime, sizeof one->lifetime) == 0);
  CHECK(memcmp(&one->generation, &other->generation, sizeof one->generation) == 0);
  CHECK(memcmp(&one->retry_at, &other->retry_at, sizeof one->retry_at) == 0);
  CHECK(one->failures == other->failures);
  CHECK(one->refusals.count == other->refusals.count);
  CHECK(memcmp(one->refusals.list, other->refusals.list,
               one->refusals.count * sizeof *one->refusals.list) == 0);
}

/* Reads the bytes. If they are valid, writes the record and reads it again. */
static enum record_status check_bytes(const char *bytes, size_t size) {
  struct record record = {0};
  char *exact = exact_copy(bytes, size);
  enum record_status status = record_read(&record, exact, size);
  CHECK(status != RECORD_NO_MEMORY);
  if (status != RECORD_READ) {
    CHECK(is_empty(&record));
    free(exact);
    return status;
  }
  CHECK(record.token.length > 0 || record.refusals.count > 0 || record.retry_at > 0 ||
        (record.refresh_token.length > 0 && record.profile.length > 0));
  check_refusals(&record.refusals);
  check_credential(&record.token);
  check_credential(&record.identity);
  check_credential(&record.refresh_token);
  CHECK(strncmp(record.root.bytes, "http", 4) == 0 &&
        strlen(record.root.bytes) == record.root.length);
  CHECK(record.generation <= MIC_GENERATION_MAX);
  CHECK((double)(uint64_t)record.generation >= record.generation);
  check_number(record.issued);
  check_number(record.expires);
  check_number(record.lifetime);
  check_number(record.generation);
  check_number(record.retry_at);
  CHECK((record.failures > 0) == (record.retry_at > 0));
  struct buffer written;
  buffer_init(&written, MIC_RECORD_MAX, true);
  CHECK(record_write(&record, &written) == BUFFER_OK);
  if (written.length == size)
    CHECK(memcmp(written.data, exact, size) == 0);
  struct record again = {0}, copy = {0};
  CHECK(record_read(&again, written.data, written.length) == RECORD_READ);
  check_same(&record, &again);
  CHECK(record_copy(&copy, &record));
  check_same(&record, &copy);
  buffer_free(&written);
  record_clear(&again);
  record_clear(&copy);
  record_clear(&record);
  free(exact);
  return status;
}

/* The first byte is the version, the rest the content. */
static void check_frame(const uint8_t *data, size_t size) {
  size_t length = MAGIC_SIZE + size + SUM_SIZE;
  char *bytes = malloc(length);
  if (!bytes)
    abort();
  memcpy(bytes, MAGIC, MAGIC_SIZE);
  memcpy(bytes + MAGIC_SIZE, data, size);
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < MAGIC_SIZE + size; i++)
    sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
  for (size_t i = 0; i < SUM_SIZE; i++)
    bytes[MAGIC_SIZE + size + i] = (char)(unsigned char)(sum >> (8 * i) & 0xffu);
  enum record_status status = check_bytes(bytes, length);
  CHECK((status == RECORD_NEWER) == (data[0] > 5));
  free(bytes);
}

/* Uses `length` bytes as a credential; replaces those that no credential may have. */
static void take_credential(struct secret *secret, const uint8_t *data, size_t length) {
  char *bytes = exact_copy(data, length);
  for (size_t i = 0; i < length; i++)
    if (!header_can_carry(bytes + i, 1))
      bytes[i] = 'x';
  CHECK(secret_set(secret, bytes, length));
  free(bytes);
}

/* Every record that the program can hold is read as it was written. */
static void check_round_trip(const uint8_t *data, size_t size) {
  struct record record = {0}, again = {0};
  struct buffer written;
  uint64_t numbers[5] = {0};
  if (size <= sizeof numbers)
    return;
  memcpy(numbers, data, sizeof numbers);
  data += sizeof numbers;
  size -= sizeof numbers;
  record.issued = (double)(numbers[0] >> 11);
  record.expires = (double)(numbers[1] >> 11) / 16.0;
  record.lifetime = (double)(numbers[2] >> 11);
  record.generation = (double)(numbers[3] >> 11);
  record.retry_at = (double)(numbers[4] >> 11) / 2.0;
  if (record.retry_at > 0)
    record.failures = data[0] > 0 ? data[0] : 1;
  record.refusals.count = data[0] % (REFUSED_LOGINS_MAX + 1);
  for (size_t i = 0; i < record.refusals.count; i++) {
    memset(record.refusals.list[i].digest, data[size - 1], SHA256_SIZE);
    record.refusals.list[i].at = record.issued + 1.0;
    record.refusals.list[i].times = (double)(data[size / 2] + 1);
  }
  take_credential(&record.token, data, size);
  take_credential(&record.identity, data, size / 2);
  take_credential(&record.refresh_token, data, size / 3);
  CHECK(secret_set(&record.root, "https://api.example/prod", 24));
  if (size % 2 == 0)
    CHECK(secret_set(&record.profile, "oauth2", 6));
  buffer_init(&written, MIC_RECORD_MAX, true);
  CHECK(record_write(&record, &written) == BUFFER_OK);
  CHECK(record_read(&again, written.data, written.length) == RECORD_READ);
  if (record.generation > MIC_GENERATION_MAX)
    record.generation = MIC_GENERATION_MAX;
  if (record.identity.length == 0)
    secret_clear(&record.identity);
  if (record.refresh_token.length == 0)
    secret_clear(&record.refresh_token);
  check_same(&record, &again);
  buffer_free(&written);
  record_clear(&record);
  record_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_bytes((const char *)data, size);
  if (size > 0)
    check_frame(data, size);
  check_round_trip(data, size);
  return 0;
}
