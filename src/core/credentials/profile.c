#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "../text/url_path.h"
#include "profile.h"

/* ---- fields ---- */

const struct profile_field profile_fields[PROFILE_FIELDS] = {
    {"name", FIELD_NAME, offsetof(struct profile, name)},
    {"identity_query", FIELD_NAME, offsetof(struct profile, identity_query)},
    {"login", FIELD_REQUEST, offsetof(struct profile, login)},
    {"login_body", FIELD_BODY, offsetof(struct profile, login)},
    {"login_headers", FIELD_HEADERS, offsetof(struct profile, login.headers)},
    {"refresh", FIELD_REQUEST, offsetof(struct profile, refresh)},
    {"refresh_body", FIELD_BODY, offsetof(struct profile, refresh)},
    {"refresh_headers", FIELD_HEADERS, offsetof(struct profile, refresh.headers)},
    {"token", FIELD_MEMBER, offsetof(struct profile, members[MEMBER_TOKEN])},
    {"refresh_token", FIELD_MEMBER, offsetof(struct profile, members[MEMBER_REFRESH_TOKEN])},
    {"identity", FIELD_MEMBER, offsetof(struct profile, members[MEMBER_IDENTITY])},
    {"expires", FIELD_MEMBER, offsetof(struct profile, members[MEMBER_EXPIRES])},
    {"expires_as", FIELD_UNIT, offsetof(struct profile, expires_as)},
    {"headers", FIELD_HEADERS, offsetof(struct profile, headers)},
    {"open", FIELD_OPEN, offsetof(struct profile, open)},
    {"expired", FIELD_ANSWERS, offsetof(struct profile, expired)},
    {"refused", FIELD_ANSWERS, offsetof(struct profile, refused)},
};

static bool fail(struct template_problem *problem, const char *what) {
  snprintf(problem->what, sizeof problem->what, "%s", what);
  problem->at = 0;
  return false;
}

static bool set_name(char *name, const char *text, size_t length,
                     struct template_problem *problem) {
  if (length == 0 || length > PROFILE_NAME_MAX || !header_can_carry(text, length))
    return fail(problem, "must be 1 to 64 visible characters");
  memcpy(name, text, length);
  return true;
}

static bool set_unit(enum time_unit *unit, const char *text, size_t length,
                     struct template_problem *problem) {
  static const char first[] = {'s', 'm', 'e', 'i'}; /* the Lua layer checks the whole word */
  const char *found = length > 0 ? memchr(first, text[0], sizeof first) : NULL;
  if (found == NULL)
    return fail(problem, "is not a known unit");
  *unit = (enum time_unit)(found - first);
  return true;
}

/* A template that begins behind `before` bytes of its field. */
static bool compile(struct template *template, enum template_kind kind, const char *text,
                    size_t length, size_t before, const struct login_values *values,
                    struct template_problem *problem) {
  if (template_compile(template, kind, text, length, values, problem))
    return true;
  if (problem->at > 0)
    problem->at += before;
  return false;
}

static bool set_request(struct profile_request *request, const char *text, size_t length,
                        const struct login_values *values, struct template_problem *problem) {
  const char *path = memchr(text, ' ', length);
  size_t before = path != NULL ? (size_t)(path - text) : 0, left = length - before - 1;
  if (path == NULL || before >= sizeof request->method || header_name_problem(text, before) != NULL)
    return fail(problem, "must be a method and a path, such as \"POST /login\"");
  if (left == 0 || *++path != '/')
    return fail(problem, "must have a path that begins with \"/\" after its method");
  if (!compile(&request->target, TEMPLATE_PATH, path, left, before + 1, values, problem))
    return false;
  memcpy(request->method, text, before);
  const char *query = memchr(path, '?', left);
  size_t size = query != NULL ? (size_t)(query - path) : left;
  request->at_root = size == 1;
  const char *wrong = url_path_problem(path, size);
  if (wrong == NULL && memmem(path, size, "//", 2) != NULL)
    wrong = "has an empty segment (//)";
  return wrong == NULL || fail(problem, wrong);
}

static bool set_member(struct member_path *path, const char *text, size_t length,
                       struct template_problem *problem) {
  if (length > PROFILE_MEMBER_MAX)
    return fail(problem, "is longer than 96 bytes");
  memcpy(path->text, text, length);
  memcpy(path->split, text, length);
  for (char *key = path->split; length > 0 && key != NULL;) {
    char *dot = strchr(key, '.');
    if (dot != NULL)
      *dot = '\0';
    if (*key == '\0')
      return fail(problem, "must be member names separated by dots");
    if (path->count == PROFILE_PATH_MAX)
      return fail(problem, "has more than eight members");
    path->keys[path->count++] = key;
    key = dot != NULL ? dot + 1 : NULL;
  }
  return true;
}

/* ---- lists ---- */

/* Adds an item with a copy of the text. NULL if out of memory: then the list stays. */
static struct profile_item *add_item(struct profile_list *items, const char *text, size_t length,
                                     struct template_problem *problem) {
  char *copy = text != NULL ? strndup(text, length) : NULL;
  struct profile_item *list = NULL;
  if (text == NULL || copy != NULL)
    list = realloc(items->list, (items->count + 1) * sizeof *list);
  if (list == NULL) {
    free(copy);
    fail(problem, template_no_memory);
    return NULL;
  }
  items->list = list;
  list += items->count++;
  memset(list, 0, sizeof *list);
  list->text = copy;
  return list;
}

static bool has_header(const struct profile_list *headers, const char *name, size_t length) {
  for (size_t i = 0; i < headers->count; i++)
    if (ascii_is(name, length, headers->list[i].text))
      return true;
  return false;
}

static bool add_header(struct profile_list *headers, const char *line, size_t length,
                       const struct login_values *values, struct template_problem *problem) {
  const char *value = memchr(line, ':', length);
  if (value == NULL)
    return fail(problem, "must be a header line, such as \"Authorization: Bearer {token}\"");
  size_t name_length = (size_t)(value++ - line), value_length = length - name_length - 1;
  header_trim(&value, &value_length);
  const char *wrong = header_problem(line, name_length, value, value_length);
  if (wrong == NULL && has_header(headers, line, name_length))
    wrong = "is a duplicate";
  if (wrong != NULL)
    return fail(problem, wrong);
  struct profile_item *header = add_item(headers, line, name_length, problem);
  if (header == NULL || !compile(&header->value, TEMPLATE_HEADER, value, value_length,
                                 (size_t)(value - line), values, problem))
    return false;
  headers->uses |= header->value.uses;
  headers->needs |= header->value.needs;
  return true;
}

bool profile_set(struct profile *profile, const struct profile_field *field, const char *text,
                 size_t length, long status, const struct login_values *values,
                 struct template_problem *problem) {
  void *into = (char *)profile + field->offset;
  struct profile_request *request = into;
  struct profile_item *item = NULL;
  switch ((enum profile_field_kind)field->kind) {
  case FIELD_NAME:
    return set_name(into, text, length, problem);
  case FIELD_UNIT:
    return set_unit(into, text, length, problem);
  case FIELD_MEMBER:
    return set_member(into, text, length, problem);
  case FIELD_REQUEST:
    return set_request(into, text, length, values, problem);
  case FIELD_BODY:
    request->has_body = length > 0;
    return length == 0 ||
           template_compile(&request->body, text[0] == '{' ? TEMPLATE_JSON : TEMPLATE_FORM, text,
                            length, values, problem);
  case FIELD_HEADERS:
    return add_header(into, text, length, values, problem);
  case FIELD_OPEN:
    if (length == 0 || text[0] != '/')
      return fail(problem, "must begin with \"/\"");
    break;
  case FIELD_ANSWERS:
    break;
  }
  item = add_item(into, text, length, problem);
  if (item != NULL)
    item->status = status;
  return item != NULL;
}

/* ---- clear ---- */

static void clear_list(struct profile_list *items) {
  for (size_t i = 0; i < items->count; i++) {
    free(items->list[i].text);
    template_clear(&items->list[i].value);
  }
  free(items->list);
}

void profile_clear(struct profile *profile) {
  for (size_t i = 0; i < PROFILE_FIELDS; i++) {
    void *field = (char *)profile + profile_fields[i].offset;
    struct profile_request *request = field;
    if (profile_fields[i].kind >= FIELD_HEADERS) {
      clear_list(field);
    } else if (profile_fields[i].kind == FIELD_REQUEST) {
      template_clear(&request->target);
      template_clear(&request->body);
    }
  }
  memset(profile, 0, sizeof *profile);
}

/* ---- queries ---- */

bool profile_is_open(const struct profile *profile, const char *path, size_t length) {
  for (size_t i = 0; i < profile->open.count; i++) {
    const char *prefix = profile->open.list[i].text;
    size_t size = strlen(prefix);
    if (length < size || memcmp(path, prefix, size) != 0)
      continue;
    /* A prefix without a trailing slash matches whole segments: /metadata, not /metadatabase. */
    if (prefix[size - 1] == '/' || length == size || path[size] == '/' || path[size] == '?')
      return true;
  }
  return false;
}

bool profile_owns_header(const struct profile *profile, const char *name, size_t length) {
  return has_header(&profile->headers, name, length);
}

bool profile_needs_login(const struct template *template) {
  return (template->uses & ~VALUES_WITHOUT_LOGIN) != 0;
}

bool profile_needs_identity(const struct profile *profile) {
  return (profile->headers.needs & VALUE_BIT(VALUE_IDENTITY)) != 0 ||
         profile->identity_query[0] != '\0';
}

int profile_request_missing(const struct profile_request *request,
                            const struct login_values *values) {
  return login_value_missing(values,
                             request->target.needs | request->body.needs | request->headers.needs);
}

unsigned profile_request_uses(const struct profile_request *request) {
  return request->target.uses | request->body.uses | request->headers.uses;
}

bool profile_append_header(struct curl_slist **lines, const struct profile_item *header,
                           const struct login_values *values) {
  struct buffer text;
  unsigned value = 0;
  buffer_init(&text, 16 * MIC_SECRET_MAX, true);
  enum template_status status = TEMPLATE_LEFT_OUT;
  if (template_missing(&header->value, values) < 0)
    status = template_fill(&header->value, values, &text, &value);
  bool ok = status == TEMPLATE_LEFT_OUT ||
            (status == TEMPLATE_FILLED &&
             header_append(lines, header->text, strlen(header->text), text.data, text.length));
  buffer_free(&text);
  return ok;
}

/* ---- meanings ---- */

static bool contains(const char *text, size_t length, const char *part) {
  size_t size = strlen(part);
  char first = ascii_lower(part[0]), other = ascii_upper(part[0]);
  for (size_t i = 0; i + size <= length; i++)
    if ((text[i] == first || text[i] == other) && ascii_alike(text + i, part, size))
      return true;
  return false;
}

static bool challenge_contains(const struct profile_answer *answer, const char *text) {
  size_t offset = 0;
  struct header_field field;
  while (header_next_named(answer->head, answer->head_length, "WWW-Authenticate", &offset, &field))
    if (contains(field.value, field.value_length, text))
      return true;
  return false;
}

static bool is_known(const struct profile_list *answers, const struct profile_answer *answer) {
  for (size_t i = 0; i < answers->count; i++) {
    const struct profile_item *known = &answers->list[i];
    if (known->status != answer->status)
      continue;
    if (known->text == NULL || contains(answer->body, answer->body_length, known->text) ||
        challenge_contains(answer, known->text))
      return true;
  }
  return false;
}

enum answer_meaning profile_meaning(const struct profile *profile,
                                    const struct profile_answer *answer) {
  return is_known(&profile->expired, answer) ? ANSWER_EXPIRED : ANSWER_PLAIN;
}

enum answer_meaning profile_auth_meaning(const struct profile *profile, bool refresh,
                                         const struct profile_answer *answer) {
  bool refused =
      is_known(&profile->refused, answer) || (refresh && is_known(&profile->expired, answer));
  return refused ? ANSWER_REFUSED : ANSWER_PLAIN;
}

bool profile_may_mean(const struct profile *profile, long status) {
  for (size_t i = 0; i < profile->expired.count; i++)
    if (profile->expired.list[i].status == status)
      return true;
  return false;
}
