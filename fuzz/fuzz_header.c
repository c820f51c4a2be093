/* Fuzz target for header: the input as a received header block, then as "name:value" to send. */
#include "fuzz.h"

#include "text/header.h"

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

static void check_block(const char *block, size_t size) {
  size_t offset = 0;
  size_t before = 0;
  struct header_field field;
  while (header_next(block, size, &offset, &field)) {
    CHECK(offset > before && offset <= size);
    CHECK(field.name >= block + before && field.name_length > 0);
    CHECK(header_name_problem(field.name, field.name_length) == NULL);
    CHECK(field.name[field.name_length] == ':');
    CHECK(field.value > field.name + field.name_length);
    CHECK(field.value + field.value_length <= block + offset);
    CHECK(!memchr(field.value, '\n', field.value_length));
    if (field.value_length > 0)
      CHECK(!is_blank(field.value[0]) && !is_blank(field.value[field.value_length - 1]));
    before = offset;
  }
  CHECK(offset == size);
}

/* The line for libcurl must parse back as the same field. */
static void check_line(const char *line, const char *name, size_t name_length, const char *value,
                       size_t value_length) {
  CHECK(!strpbrk(line, "\r\n"));
  struct header_field field;
  size_t offset = 0;
  size_t length = strlen(line);
  while (value_length > 0 && is_blank(value[0])) {
    value++;
    value_length--;
  }
  while (value_length > 0 && is_blank(value[value_length - 1]))
    value_length--;
  if (value_length == 0) {
    CHECK(length == name_length + 1 && line[name_length] == ';');
    CHECK(memcmp(line, name, name_length) == 0);
    return;
  }
  CHECK(header_next(line, length, &offset, &field) && offset == length);
  CHECK(field.name_length == name_length && memcmp(field.name, name, name_length) == 0);
  CHECK(field.value_length == value_length && memcmp(field.value, value, value_length) == 0);
}

static void check_sending(const char *text, size_t size) {
  const char *colon = size > 0 ? memchr(text, ':', size) : NULL;
  if (!colon)
    return;
  size_t name_length = (size_t)(colon - text);
  char *name = exact_copy(text, name_length);
  char *value = exact_copy(colon + 1, size - name_length - 1);
  size_t value_length = size - name_length - 1;
  const char *name_problem = header_name_problem(name, name_length);
  const char *value_problem = header_value_problem(value, value_length);
  CHECK(!name_problem || name_problem[0]);
  CHECK(!value_problem || value_problem[0]);
  for (size_t i = 0; i < value_length && !value_problem; i++)
    CHECK(value[i] == '\t' || ((unsigned char)value[i] >= 0x20 && value[i] != 0x7F));
  if (!name_problem && !value_problem) {
    struct curl_slist *list = NULL;
    CHECK(header_append(&list, name, name_length, value, value_length));
    CHECK(list && !list->next);
    check_line(list->data, name, name_length, value, value_length);
    header_list_wipe(list);
  }
  free(name);
  free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = exact_copy(data, size);
  check_block(text, size);
  check_sending(text, size);
  free(text);
  return 0;
}
