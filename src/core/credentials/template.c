#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/escape.h"
#include "../text/header.h"
#include "../text/json_scan.h"
#include "../text/url_path.h"
#include "template.h"

/* ---- compile ---- */

const char template_no_memory[] = "out of memory";

struct compiler {
  struct template *template;
  const char *source;
  size_t length, at;
  size_t text_length; /* of template->text */
  const struct login_values *values;
  struct template_problem *problem;
};

static bool fail(struct compiler *compiler, size_t at, const char *what) {
  snprintf(compiler->problem->what, sizeof compiler->problem->what, "%s", what);
  compiler->problem->at = at + 1;
  return false;
}

static struct template_part *add_part(struct compiler *compiler, enum template_part_kind kind) {
  struct template *template = compiler->template;
  if (template->count == template->capacity) {
    size_t capacity = template->capacity == 0 ? 8 : 2 * template->capacity;
    struct template_part *parts = realloc(template->parts, capacity * sizeof *parts);
    if (parts == NULL) {
      fail(compiler, compiler->at, template_no_memory);
      return NULL;
    }
    template->parts = parts;
    template->capacity = capacity;
  }
  struct template_part *part = &template->parts[template->count++];
  memset(part, 0, sizeof *part);
  part->kind = kind;
  return part;
}

/* Adds a byte of literal text, to the part before it if that is text. */
static bool add_byte(struct compiler *compiler, char byte) {
  struct template *template = compiler->template;
  struct template_part *last = template->count > 0 ? &template->parts[template->count - 1] : NULL;
  if (last == NULL || last->kind != PART_TEXT) {
    last = add_part(compiler, PART_TEXT);
    if (last == NULL)
      return false;
    last->start = compiler->text_length;
  }
  template->text[compiler->text_length++] = byte; /* has room for the whole source */
  last->length++;
  return true;
}

/* Returns the index of a new group, or SIZE_MAX. */
static size_t begin_group(struct compiler *compiler) {
  return add_part(compiler, PART_GROUP) != NULL ? compiler->template->count - 1 : SIZE_MAX;
}

static bool end_group(struct compiler *compiler, size_t group) {
  if (add_part(compiler, PART_GROUP_END) == NULL)
    return false;
  compiler->template->parts[group].end = compiler->template->count - 1;
  return true;
}

static bool is_name_start(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

/* The length of the placeholder at `at`, braces included; 0 if there is none. */
static size_t placeholder_at(const struct compiler *compiler, size_t at, size_t *name_length,
                             bool *optional) {
  const char *source = compiler->source;
  size_t end = at + 1;
  if (end >= compiler->length || source[at] != '{' || !is_name_start(source[end]))
    return 0;
  while (end < compiler->length &&
         (is_name_start(source[end]) || (source[end] >= '0' && source[end] <= '9')))
    end++;
  *name_length = end - at - 1;
  *optional = end < compiler->length && source[end] == '?';
  if (*optional)
    end++;
  return end < compiler->length && source[end] == '}' ? end + 1 - at : 0;
}

/* Checks the value of a placeholder as far as it is known by now. */
static bool check_value(struct compiler *compiler, unsigned value, bool optional) {
  char what[120];
  const char *name =
      value != VALUE_NONE ? login_value_name(compiler->values->own, value) : "nothing";
  if (!login_value_is_set(compiler->values, value)) {
    if (optional || login_value_may_come_late(value))
      return true;
    snprintf(what, sizeof what, "{%.48s} has no value", name);
    return fail(compiler, compiler->at, what);
  }
  const struct secret *text = login_value_text(compiler->values, value);
  const char *problem = compiler->template->kind == TEMPLATE_HEADER && text != NULL
                            ? header_value_problem(text->bytes, text->length)
                            : NULL;
  if (problem == NULL)
    return true;
  snprintf(what, sizeof what, "{%.48s} %s", name, problem);
  return fail(compiler, compiler->at, what);
}

/* Reads the placeholder at the present place. */
static bool add_value(struct compiler *compiler, size_t size, size_t name_length, bool optional) {
  const char *name = compiler->source + compiler->at + 1;
  int value = login_value_find(compiler->values->own, name, name_length);
  if (value < 0 && optional) {
    value = VALUE_NONE;
  } else if (value < 0) {
    char what[96];
    snprintf(what, sizeof what, "there is no value {%.*s}",
             (int)(name_length < 48 ? name_length : 48), name);
    return fail(compiler, compiler->at, what);
  }
  if (!check_value(compiler, (unsigned)value, optional))
    return false;
  struct template_part *part = add_part(compiler, PART_VALUE);
  if (part == NULL)
    return false;
  part->value = (unsigned)value;
  part->optional = optional;
  compiler->at += size;
  return true;
}

/* Reads one byte of literal text, of which "{{" is one. */
static bool add_literal(struct compiler *compiler) {
  const char *here = compiler->source + compiler->at;
  if (*here == '{') {
    if (compiler->at + 1 >= compiler->length || here[1] != '{')
      return fail(compiler, compiler->at, "\"{\" begins no placeholder; \"{{\" is one brace");
    compiler->at++;
  }
  compiler->at++;
  return add_byte(compiler, *here);
}

/* Reads text and placeholders up to the end, or to a byte in `stops`. */
static bool add_run(struct compiler *compiler, const char *stops, bool query) {
  while (compiler->at < compiler->length) {
    char byte = compiler->source[compiler->at];
    size_t name_length = 0;
    bool optional = false;
    if (byte != '\0' && strchr(stops, byte) != NULL)
      break;
    size_t size = placeholder_at(compiler, compiler->at, &name_length, &optional);
    if (size == 0) {
      if (!add_literal(compiler))
        return false;
      continue;
    }
    if (!add_value(compiler, size, name_length, optional))
      return false;
    compiler->template->parts[compiler->template->count - 1].query = query;
  }
  return true;
}

/* Reads pairs that are separated by "&". */
static bool compile_form(struct compiler *compiler, bool query) {
  while (compiler->at < compiler->length) {
    size_t group = begin_group(compiler);
    if (group == SIZE_MAX || !add_run(compiler, "&", query) || !end_group(compiler, group))
      return false;
    if (compiler->at < compiler->length)
      compiler->at++;
  }
  return true;
}

static bool compile_header(struct compiler *compiler) {
  size_t group = begin_group(compiler);
  return group != SIZE_MAX && add_run(compiler, "", false) && end_group(compiler, group);
}

static bool compile_path(struct compiler *compiler) {
  size_t first = 0;
  if (!add_run(compiler, "?", false))
    return false;
  for (first = 0; first < compiler->template->count; first++)
    if (compiler->template->parts[first].optional)
      return fail(compiler, 0, "a path has no optional placeholder {name?}");
  if (compiler->at == compiler->length)
    return true;
  compiler->at++;
  return compile_form(compiler, true);
}

/* ---- compile JSON ---- */

/* Copies the source with each placeholder as an empty array of the same length, so that the rest
   can be checked as JSON: it is no key, and no part of a number. NULL on failure. */
static char *without_placeholders(struct compiler *compiler) {
  char *copy = malloc(compiler->length + 1);
  bool inside = false;
  size_t name_length = 0;
  if (copy == NULL) {
    fail(compiler, 0, template_no_memory);
    return NULL;
  }
  memcpy(copy, compiler->source, compiler->length);
  for (size_t i = 0; i < compiler->length; i++) {
    bool optional = false;
    size_t size = placeholder_at(compiler, i, &name_length, &optional);
    if (inside && copy[i] == '\\') {
      i++;
    } else if (inside && copy[i] == '{' && i + 1 < compiler->length && copy[i + 1] == '{') {
      i++; /* one brace */
    } else if (size > 0 && inside) {
      fail(compiler, i, "a placeholder stands for a whole JSON value, not inside a text");
      free(copy);
      return NULL;
    } else if (size > 0) {
      memset(copy + i, ' ', size);
      memcpy(copy + i, "[]", 2); /* a placeholder has at least three bytes */
      i += size - 1;
    } else if (copy[i] == '"') {
      inside = !inside;
    }
  }
  return copy;
}

static void skip_space(struct compiler *compiler) {
  while (compiler->at < compiler->length &&
         strchr(" \t\r\n", compiler->source[compiler->at]) != NULL)
    compiler->at++;
}

/* The JSON is valid from here on, except for the placeholders. */
static bool add_json_text(struct compiler *compiler) {
  bool ok = add_byte(compiler, '"');
  compiler->at++;
  while (ok && compiler->source[compiler->at] != '"') {
    const char *here = compiler->source + compiler->at;
    if (here[0] == '\\')
      ok = add_byte(compiler, *here), here++, compiler->at++;
    else if (here[0] == '{' && here[1] == '{')
      compiler->at++;
    ok = ok && add_byte(compiler, *here);
    compiler->at++;
  }
  compiler->at++;
  return ok && add_byte(compiler, '"');
}

static bool add_json_value(struct compiler *compiler);

static bool add_json_members(struct compiler *compiler, bool named) {
  bool ok = add_byte(compiler, compiler->source[compiler->at]);
  compiler->at++;
  skip_space(compiler);
  while (ok && compiler->source[compiler->at] != '}' && compiler->source[compiler->at] != ']') {
    size_t group = begin_group(compiler);
    ok = group != SIZE_MAX;
    if (ok && named) {
      ok = add_json_text(compiler) && add_byte(compiler, ':');
      skip_space(compiler);
      compiler->at++; /* the colon */
      skip_space(compiler);
    }
    ok = ok && add_json_value(compiler) && end_group(compiler, group);
    skip_space(compiler);
    if (ok && compiler->source[compiler->at] == ',')
      compiler->at++;
    skip_space(compiler);
  }
  ok = ok && add_byte(compiler, compiler->source[compiler->at]);
  compiler->at++;
  return ok;
}

/* The depth of the recursion is that of the text, which json_scan has limited. */
static bool add_json_value(struct compiler *compiler) {
  size_t name_length = 0;
  bool optional = false;
  char first = compiler->source[compiler->at];
  size_t size = placeholder_at(compiler, compiler->at, &name_length, &optional);
  if (size > 0)
    return add_value(compiler, size, name_length, optional);
  if (first == '{' || first == '[')
    return add_json_members(compiler, first == '{');
  if (first == '"')
    return add_json_text(compiler);
  bool ok = true;
  while (ok && compiler->at < compiler->length &&
         strchr(",]} \t\r\n", compiler->source[compiler->at]) == NULL) {
    ok = add_byte(compiler, compiler->source[compiler->at]);
    compiler->at++;
  }
  return ok;
}

static bool accept_value(void *context, const char *text, const struct json_value *value) {
  (void)context, (void)text, (void)value;
  return true;
}

static bool compile_json(struct compiler *compiler) {
  size_t name_length = 0;
  bool optional = false;
  char *copy = without_placeholders(compiler);
  if (copy == NULL)
    return false;
  enum json_status status = json_scan(copy, compiler->length, accept_value, NULL);
  free(copy);
  if (status != JSON_OK)
    return fail(compiler, 0, "it begins with \"{\" and is no JSON");
  skip_space(compiler);
  /* A value outside of any group could not be left out. */
  if (placeholder_at(compiler, compiler->at, &name_length, &optional) > 0)
    return fail(compiler, compiler->at, "a placeholder cannot be the whole body");
  return add_json_value(compiler);
}

bool template_compile(struct template *template, enum template_kind kind, const char *source,
                      size_t length, const struct login_values *values,
                      struct template_problem *problem) {
  struct compiler compiler = {template, source, length, 0, 0, values, problem};
  memset(template, 0, sizeof *template);
  template->kind = kind;
  template->text = malloc(length + 1);
  bool ok = template->text != NULL || fail(&compiler, 0, template_no_memory);
  if (ok && kind == TEMPLATE_JSON)
    ok = compile_json(&compiler);
  else if (ok && kind == TEMPLATE_FORM)
    ok = compile_form(&compiler, false);
  else if (ok && kind == TEMPLATE_PATH)
    ok = compile_path(&compiler);
  else if (ok)
    ok = compile_header(&compiler);
  if (!ok)
    template_clear(template);
  return ok;
}

void template_clear(struct template *template) {
  free(template->text);
  free(template->parts);
  memset(template, 0, sizeof *template);
}

/* ---- fill ---- */

int template_missing(const struct template *template, const struct login_values *values) {
  for (size_t i = 0; i < template->count; i++) {
    const struct template_part *part = &template->parts[i];
    if (part->kind == PART_VALUE && !part->optional && !login_value_is_set(values, part->value))
      return (int)part->value;
  }
  return -1;
}

bool template_uses(const struct template *template, unsigned value, bool always) {
  for (size_t i = 0; i < template->count; i++) {
    const struct template_part *part = &template->parts[i];
    if (part->kind == PART_VALUE && part->value == value && !(always && part->optional))
      return true;
  }
  return false;
}

bool template_needs_login(const struct template *template) {
  for (size_t i = 0; i < template->count; i++)
    if (template->parts[i].kind == PART_VALUE && login_value_needs_login(template->parts[i].value))
      return true;
  return false;
}

static bool is_left_out(const struct template *template, size_t group,
                        const struct login_values *values) {
  for (size_t i = group + 1; i < template->parts[group].end; i++) {
    const struct template_part *part = &template->parts[i];
    if (part->kind == PART_GROUP)
      i = part->end;
    else if (part->kind == PART_VALUE && part->optional && !login_value_is_set(values, part->value))
      return true;
  }
  return false;
}

/* True if the value would change the meaning of the path or of the header. */
static bool is_unfit(const struct template *template, const struct template_part *part,
                     const struct buffer *value) {
  if (template->kind == TEMPLATE_HEADER)
    return header_value_problem(value->data, value->length) != NULL;
  if (template->kind != TEMPLATE_PATH || part->query)
    return false;
  return value->length == 0 || url_has_dot_part(value->data, value->length, URL_PARAM_DECODED);
}

static enum buffer_status append_value(const struct template *template, const struct buffer *value,
                                       struct buffer *to) {
  switch (template->kind) {
  case TEMPLATE_JSON: {
    enum buffer_status status = buffer_append(to, "\"", 1);
    if (status == BUFFER_OK)
      status = buffer_append_json(to, value->data, value->length);
    return status == BUFFER_OK ? buffer_append(to, "\"", 1) : status;
  }
  case TEMPLATE_FORM:
    return escape_append_form(to, value->data, value->length);
  case TEMPLATE_PATH:
    return escape_append_url(to, value->data, value->length);
  case TEMPLATE_HEADER:
    break;
  }
  return buffer_append(to, value->data, value->length);
}

static enum template_status fill_value(const struct template *template,
                                       const struct template_part *part,
                                       const struct login_values *values, struct buffer *to) {
  struct buffer value;
  buffer_init(&value, 16 * MIC_SECRET_MAX, true);
  enum template_status status = TEMPLATE_FILLED;
  if (login_value_append(values, part->value, &value) != BUFFER_OK)
    status = TEMPLATE_NO_MEMORY;
  else if (is_unfit(template, part, &value))
    status = TEMPLATE_UNFIT;
  else if (append_value(template, &value, to) != BUFFER_OK)
    status = TEMPLATE_NO_MEMORY;
  buffer_free(&value);
  return status;
}

/* The separator before a group: it depends on what was written, since groups may be left out. */
static const char *separator(const struct template *template, const struct buffer *to, size_t start,
                             bool first_pair) {
  char last = to->length > start ? to->data[to->length - 1] : '\0';
  switch (template->kind) {
  case TEMPLATE_JSON:
    return last == '{' || last == '[' ? "" : ",";
  case TEMPLATE_FORM:
    return first_pair ? "" : "&";
  case TEMPLATE_PATH:
    return first_pair ? "?" : "&";
  case TEMPLATE_HEADER:
    break;
  }
  return "";
}

enum template_status template_fill(const struct template *template,
                                   const struct login_values *values, struct buffer *to,
                                   unsigned *value) {
  size_t start = to->length;
  bool first_pair = true;
  for (size_t i = 0; i < template->count; i++) {
    const struct template_part *part = &template->parts[i];
    enum template_status status = TEMPLATE_FILLED;
    if (part->kind == PART_GROUP && is_left_out(template, i, values)) {
      if (template->kind == TEMPLATE_HEADER)
        return TEMPLATE_LEFT_OUT;
      i = part->end;
    } else if (part->kind == PART_GROUP) {
      if (buffer_append_text(to, separator(template, to, start, first_pair)) != BUFFER_OK)
        status = TEMPLATE_NO_MEMORY;
      first_pair = false;
    } else if (part->kind == PART_TEXT) {
      if (buffer_append(to, template->text + part->start, part->length) != BUFFER_OK)
        status = TEMPLATE_NO_MEMORY;
    } else if (part->kind == PART_VALUE) {
      *value = part->value;
      status = fill_value(template, part, values, to);
    }
    if (status != TEMPLATE_FILLED)
      return status;
  }
  return TEMPLATE_FILLED;
}
