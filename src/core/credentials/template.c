#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/escape.h"
#include "../text/header.h"
#include "../text/json_scan.h"
#include "../text/url_path.h"
#include "template.h"

/* ---- compile ---- */

const char template_no_memory[] = "out of memory";

#define NO_GROUP SIZE_MAX

struct compiler {
  struct template *template;
  char *source; /* a copy with a NUL at its end; each placeholder becomes an empty JSON array */
  size_t length, at;
  size_t text_length; /* of template->text */
  size_t group;       /* the innermost open group, whose `end` is the one around it */
  bool query;         /* of a path: behind the "?" */
  bool has_optional;
  struct template_part spare; /* the part when there is no memory */
  const struct login_values *values;
  struct template_problem *problem;
};

/* Keeps the first problem, and ends the reading. */
static void fail(struct compiler *compiler, size_t at, const char *what) {
  struct template_problem *problem = compiler->problem;
  if (problem->what[0] == '\0') {
    snprintf(problem->what, sizeof problem->what, "%s", what);
    problem->at = at + 1;
  }
  compiler->at = compiler->length;
}

static struct template_part *add_part(struct compiler *compiler, enum template_part_kind kind) {
  struct template *template = compiler->template;
  struct template_part *part = &compiler->spare;
  if (template->count == template->capacity) {
    size_t capacity = 2 * template->capacity + 8;
    struct template_part *parts = realloc(template->parts, capacity * sizeof *parts);
    if (parts != NULL) {
      template->parts = parts;
      template->capacity = capacity;
    }
  }
  if (template->parts != NULL && template->count < template->capacity)
    part = &template->parts[template->count++];
  else
    fail(compiler, compiler->at, template_no_memory);
  memset(part, 0, sizeof *part);
  part->kind = kind;
  return part;
}

/* Adds a byte of literal text, to the part before it if that is text. At most one for each byte of
   the source and its NUL, so that there is room. */
static void add_byte(struct compiler *compiler, char byte) {
  struct template *template = compiler->template;
  struct template_part *last = template->count > 0 ? &template->parts[template->count - 1] : NULL;
  if (last == NULL || last->kind != PART_TEXT) {
    last = add_part(compiler, PART_TEXT);
    last->start = compiler->text_length;
  }
  template->text[compiler->text_length++] = byte;
  last->length++;
}

static void begin_group(struct compiler *compiler) {
  add_part(compiler, PART_GROUP)->end = compiler->group;
  compiler->group = compiler->template->count - 1;
}

static const char not_json[] = "it begins with \"{\" and is not valid JSON";

static void end_group(struct compiler *compiler) {
  size_t group = compiler->group;
  if (group == NO_GROUP) {
    fail(compiler, 0, not_json);
    return;
  }
  compiler->group = compiler->template->parts[group].end;
  add_part(compiler, PART_GROUP_END);
  compiler->template->parts[group].end = compiler->template->count - 1;
}

/* The length of the placeholder, braces included; 0 if there is none. */
static size_t placeholder_at(const char *here) {
  const char *end = here + 1;
  if (*here != '{')
    return 0;
  while ((ascii_lower(*end) >= 'a' && ascii_lower(*end) <= 'z') || *end == '_' ||
         (end > here + 1 && *end >= '0' && *end <= '9'))
    end++;
  if (end > here + 1 && *end == '?')
    end++;
  return end > here + 1 && *end == '}' ? (size_t)(end - here) + 1 : 0;
}

/* What is wrong with a value, as far as it is known by now. NULL: nothing. */
static const char *value_problem(const struct compiler *compiler, unsigned value, bool optional) {
  if (!login_value_is_set(compiler->values, value))
    return optional || login_value_may_come_late(value) ? NULL : "has no value";
  const struct secret *text = login_value_text(compiler->values, value);
  return compiler->template->kind == TEMPLATE_HEADER && text != NULL
             ? header_value_problem(text->bytes, text->length)
             : NULL;
}

/* Reads the placeholder at the present place. */
static void add_value(struct compiler *compiler, size_t size) {
  struct template *template = compiler->template;
  char *here = compiler->source + compiler->at;
  bool optional = here[size - 2] == '?';
  int length = (int)(size - 2 - optional), shown = length < 48 ? length : 48;
  int found = login_value_find(compiler->values->own, here + 1, (size_t)length);
  unsigned value = found < 0 ? VALUE_NONE : (unsigned)found;
  const char *wrong = NULL;
  char what[120] = "";
  if (found < 0 && !optional)
    snprintf(what, sizeof what, "unknown placeholder {%.*s}", shown, here + 1);
  else
    wrong = value_problem(compiler, value, optional);
  if (wrong != NULL)
    snprintf(what, sizeof what, "{%.*s} %s", shown, here + 1, wrong);
  if (what[0] != '\0') {
    fail(compiler, compiler->at, what);
    return;
  }
  memset(here, ' ', size);
  here[0] = '['; /* a placeholder has at least three bytes */
  here[1] = ']';
  compiler->at += size;
  struct template_part *part = add_part(compiler, PART_VALUE);
  part->value = value;
  part->optional = optional;
  part->query = compiler->query;
  compiler->has_optional |= optional;
  if (value < VALUE_OWN) {
    template->uses |= VALUE_BIT(value);
    template->needs |= optional ? 0u : VALUE_BIT(value);
  }
}

/* Reads text and placeholders up to the end, or to the byte `stop` unless that is NUL. */
static void add_run(struct compiler *compiler, char stop) {
  while (compiler->at < compiler->length) {
    const char *here = compiler->source + compiler->at;
    size_t size = placeholder_at(here);
    if (*here == stop && stop != '\0')
      return;
    if (size > 0) {
      add_value(compiler, size);
    } else if (*here == '{' && here[1] != '{') {
      fail(compiler, compiler->at, "\"{\" does not begin a placeholder; write a brace as \"{{\"");
    } else {
      compiler->at += *here == '{' ? 2 : 1;
      add_byte(compiler, *here);
    }
  }
}

/* Reads pairs that are separated by "&". */
static void compile_form(struct compiler *compiler) {
  for (; compiler->at < compiler->length; compiler->at++) {
    begin_group(compiler);
    add_run(compiler, '&');
    end_group(compiler);
  }
}

static void compile_path(struct compiler *compiler) {
  add_run(compiler, '?');
  if (compiler->has_optional)
    fail(compiler, 0, "an optional placeholder {name?} is not allowed in a path");
  compiler->query = true;
  compiler->at++;
  compile_form(compiler);
}

static void compile_header(struct compiler *compiler) {
  begin_group(compiler);
  add_run(compiler, '\0');
  end_group(compiler);
}

/* Reads one byte of the inside of a JSON string, of which "{{" is one, or an escape. False at the
   quote. */
static bool add_json_text(struct compiler *compiler) {
  const char *here = compiler->source + compiler->at++;
  if (*here == '\\') {
    add_byte(compiler, *here++);
    compiler->at++;
  } else if (*here == '{' && here[1] == '{') {
    compiler->at++;
  } else if (placeholder_at(here) > 0) {
    fail(compiler, compiler->at - 1,
         "a placeholder must be a whole JSON value, not a part of a string");
  } else if (*here == '"') {
    add_byte(compiler, *here);
    return false;
  }
  add_byte(compiler, *here);
  return true;
}

/* Each member and each element is a group. What is between the placeholders need not be JSON: that
   is checked at the end, with an empty array for each of them. */
static void compile_json(struct compiler *compiler) {
  struct template *template = compiler->template;
  bool inside = false;
  while (compiler->at < compiler->length) {
    char byte = compiler->source[compiler->at];
    size_t size = placeholder_at(compiler->source + compiler->at);
    if (inside) {
      inside = add_json_text(compiler);
      continue;
    }
    if (size > 0 && template->count == 0)
      fail(compiler, 0, "a placeholder cannot be the whole body");
    else if (size > 0)
      add_value(compiler, size);
    if (size > 0)
      continue;
    compiler->at++;
    bool closes = byte == '}' || byte == ']';
    if (closes && compiler->group != NO_GROUP && compiler->group == template->count - 1)
      compiler->group = template->parts[--template->count].end; /* an empty container */
    else if (closes || byte == ',')
      end_group(compiler);
    if (strchr(" \t\r\n,", byte) == NULL)
      add_byte(compiler, byte);
    if (byte == ',' || byte == '{' || byte == '[')
      begin_group(compiler);
    inside = byte == '"';
  }
  if (json_scan(compiler->source, compiler->length, NULL, NULL) != JSON_OK)
    fail(compiler, 0, not_json);
}

bool template_compile(struct template *template, enum template_kind kind, const char *source,
                      size_t length, const struct login_values *values,
                      struct template_problem *problem) {
  struct compiler compiler = {.template = template,
                              .source = malloc(length + 1),
                              .length = length,
                              .group = NO_GROUP,
                              .values = values,
                              .problem = problem};
  memset(template, 0, sizeof *template);
  problem->what[0] = '\0';
  template->kind = kind;
  template->text = malloc(length + 1);
  if (compiler.source != NULL && template->text != NULL) {
    memcpy(compiler.source, source, length);
    compiler.source[length] = '\0';
    if (kind == TEMPLATE_JSON)
      compile_json(&compiler);
    else if (kind == TEMPLATE_FORM)
      compile_form(&compiler);
    else if (kind == TEMPLATE_PATH)
      compile_path(&compiler);
    else
      compile_header(&compiler);
  } else {
    fail(&compiler, 0, template_no_memory);
  }
  free(compiler.source);
  if (problem->what[0] == '\0')
    return true;
  template_clear(template);
  return false;
}

void template_clear(struct template *template) {
  free(template->text);
  free(template->parts);
  memset(template, 0, sizeof *template);
}

/* ---- fill ---- */

int template_missing(const struct template *template, const struct login_values *values) {
  return login_value_missing(values, template->needs);
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

static void append_value(const struct template *template, const struct buffer *value,
                         struct buffer *to) {
  switch (template->kind) {
  case TEMPLATE_JSON:
    buffer_append(to, "\"", 1);
    buffer_append_json(to, value->data, value->length);
    buffer_append(to, "\"", 1);
    break;
  case TEMPLATE_FORM:
  case TEMPLATE_PATH:
    escape_append(to, value->data, value->length, template->kind == TEMPLATE_FORM);
    break;
  case TEMPLATE_HEADER:
    buffer_append(to, value->data, value->length);
    break;
  }
}

/* False if the value cannot stand there. */
static bool fill_value(const struct template *template, const struct template_part *part,
                       const struct login_values *values, struct buffer *to) {
  struct buffer value;
  buffer_init(&value, 16 * MIC_SECRET_MAX, true);
  login_value_append(values, part->value, &value);
  to->failed |= value.failed;
  bool fits = value.failed || !is_unfit(template, part, &value);
  if (fits)
    append_value(template, &value, to);
  buffer_free(&value);
  return fits;
}

/* The separator before a group: it depends on what was written, since groups may be left out. */
static void append_separator(const struct template *template, struct buffer *to, size_t start,
                             bool first_pair) {
  char last = to->length > start ? to->data[to->length - 1] : '\0';
  const char *separator = NULL;
  if (template->kind == TEMPLATE_JSON)
    separator = last == '{' || last == '[' ? NULL : ",";
  else if (template->kind != TEMPLATE_HEADER && !first_pair)
    separator = "&";
  else if (template->kind == TEMPLATE_PATH)
    separator = "?";
  if (separator != NULL)
    buffer_append(to, separator, 1);
}

enum template_status template_fill(const struct template *template,
                                   const struct login_values *values, struct buffer *to,
                                   unsigned *value) {
  size_t start = to->length;
  bool first_pair = true;
  for (size_t i = 0; i < template->count; i++) {
    const struct template_part *part = &template->parts[i];
    if (part->kind == PART_GROUP && is_left_out(template, i, values)) {
      if (template->kind == TEMPLATE_HEADER)
        return TEMPLATE_LEFT_OUT;
      i = part->end;
    } else if (part->kind == PART_GROUP) {
      append_separator(template, to, start, first_pair);
      first_pair = false;
    } else if (part->kind == PART_TEXT) {
      buffer_append(to, template->text + part->start, part->length);
    } else if (part->kind == PART_VALUE && !fill_value(template, part, values, to)) {
      *value = part->value;
      return TEMPLATE_UNFIT;
    }
  }
  return to->failed ? TEMPLATE_NO_MEMORY : TEMPLATE_FILLED;
}
