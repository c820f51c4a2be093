/* Fuzz target for template: the input is the kind, a value and a template. A value never changes
   what the template around it means. */
#include "fuzz.h"

#include "credentials/template.h"
#include "text/header.h"
#include "text/json_scan.h"

static size_t count(const char *text, size_t length, char byte) {
  size_t found = 0;
  for (size_t i = 0; i < length; i++)
    found += text[i] == byte;
  return found;
}

static void check_filled(enum template_kind kind, const char *source, size_t length,
                         const struct buffer *to) {
  switch (kind) {
  case TEMPLATE_JSON:
    CHECK(json_scan(to->data, to->length, NULL, NULL) == JSON_OK);
    break;
  case TEMPLATE_FORM:
    CHECK(count(to->data, to->length, '&') <= count(source, length, '&'));
    CHECK(count(to->data, to->length, '=') <= count(source, length, '='));
    break;
  case TEMPLATE_PATH:
    CHECK(count(to->data, to->length, '/') <= count(source, length, '/'));
    CHECK(count(to->data, to->length, '?') <= count(source, length, '?'));
    CHECK(count(to->data, to->length, '&') <= count(source, length, '&'));
    break;
  case TEMPLATE_HEADER:
    CHECK(header_value_problem(source, length) != NULL ||
          header_value_problem(to->data, to->length) == NULL);
    break;
  }
}

static void check(enum template_kind kind, const char *source, size_t length,
                  const struct login_values *values) {
  struct template template;
  struct template_problem problem = {"", 0};
  if (!template_compile(&template, kind, source, length, values, &problem)) {
    CHECK(problem.what[0] != '\0' && problem.at <= length + 1);
    CHECK(template.parts == NULL && template.text == NULL);
    return;
  }
  struct buffer to;
  unsigned value = 0;
  buffer_init(&to, 1 << 20, true);
  if (template_missing(&template, values) < 0) {
    enum template_status status = template_fill(&template, values, &to, &value);
    CHECK(status != TEMPLATE_NO_MEMORY);
    if (status == TEMPLATE_FILLED && to.length > 0)
      check_filled(kind, source, length, &to);
    if (status == TEMPLATE_UNFIT)
      CHECK(login_value_is_set(values, value));
  }
  buffer_free(&to);
  template_clear(&template);
}

/* False for bytes that are not UTF-8, which no JSON can hold. */
static bool is_json_text(const char *bytes, size_t length) {
  struct buffer text;
  buffer_init(&text, 1 << 16, true);
  CHECK(buffer_append(&text, "\"", 1) == BUFFER_OK &&
        buffer_append_json(&text, bytes, length) == BUFFER_OK &&
        buffer_append(&text, "\"", 1) == BUFFER_OK);
  bool good = json_scan(text.data, text.length, NULL, NULL) == JSON_OK;
  buffer_free(&text);
  return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || (size_t)data[1] + 2 > size)
    return 0;
  enum template_kind kind = (enum template_kind)(data[0] % 4);
  const char *text = (const char *)data + 2;
  size_t text_length = data[1], length = size - 2 - text_length;
  if (kind == TEMPLATE_JSON &&
      (length == 0 || text[text_length] != '{' || !is_json_text(text, text_length)))
    return 0;
  struct secret secret = {NULL, 0}, name = {NULL, 0};
  struct own_values own = {NULL, 0};
  char *source = exact_copy(text + text_length, length);
  CHECK(secret_set(&secret, text, text_length) && secret_set(&name, "anna", 4));
  CHECK(own_values_add(&own, "own", text, text_length, true));
  const struct login_values values = {
      .built_in = {[VALUE_USERNAME] = &name, [VALUE_PASSWORD] = &secret}, .own = &own};
  check(kind, source, length, &values);
  free(source);
  own_values_clear(&own);
  secret_clear(&secret);
  secret_clear(&name);
  return 0;
}
