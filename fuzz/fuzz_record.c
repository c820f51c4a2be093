/* record_read with the input as the bytes, and with the input as the content of a frame whose check
   sum is right: what is read is written and read again. */
#include "fuzz.h"

#include "buffer.h"
#include "record.h"

static const char MAGIC[] = "mic-record";
enum { MAGIC_SIZE = sizeof MAGIC - 1, SUM_SIZE = 4 };

static bool is_empty(const struct record *record) {
  return record->token.bytes == NULL && record->identity.bytes == NULL &&
         record->refresh_token.bytes == NULL && record->root.bytes == NULL &&
         record->expires == 0 && record->retry_at == 0;
}

static void check_number(double number) {
  CHECK(number >= 0 && number <= 9007199254740992.0);
}

static void check_same(const struct record *one, const struct record *other) {
  CHECK(secret_equal(&one->token, &other->token));
  CHECK(secret_equal(&one->identity, &other->identity));
  CHECK(secret_equal(&one->refresh_token, &other->refresh_token));
  CHECK(secret_equal(&one->root, &other->root));
  CHECK(memcmp(&one->issued, &other->issued, sizeof one->issued) == 0);
  CHECK(memcmp(&one->expires, &other->expires, sizeof one->expires) == 0);
  CHECK(memcmp(&one->lifetime, &other->lifetime, sizeof one->lifetime) == 0);
  CHECK(memcmp(&one->generation, &other->generation, sizeof one->generation) == 0);
  CHECK(memcmp(&one->retry_at, &other->retry_at, sizeof one->retry_at) == 0);
}

/* Reads, and what could be read is written and read again. */
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
  CHECK(record.token.length > 0 && record.token.length <= MIC_SECRET_MAX);
  check_number(record.issued);
  check_number(record.expires);
  check_number(record.lifetime);
  check_number(record.generation);
  check_number(record.retry_at);
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

/* The first byte is the version, the others are the content. */
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
  CHECK((status == RECORD_NEWER) == (data[0] > 2));
  free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_bytes((const char *)data, size);
  if (size > 0)
    check_frame(data, size);
  return 0;
}
