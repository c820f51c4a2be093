/* Fuzz target for template: the input is the kind, a value and a template. A value never changes
   what the template around it means. */
#include "fuzz.h"

#include "credentials/template.h"
#include "text/header.h"
#include "text/json_scan.h"
#include "text/utf8.h"

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
    CHECK(to->data[0] == source[0] || source[0] != '{');
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || (size_t)data[1] + 2 > size)
    return 0;
  enum template_kind kind = (enum template_kind)(data[0] % 4);
  const char *text = (const char *)data + 2;
  size_t text_length = data[1], length = size - 2 - text_length;
  if (!utf8_is_valid(text, text_length))
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
