#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/ascii.h"
#include "../text/header.h"
#include "../text/url_path.h"
#include "profile.h"

static bool fail(struct template_problem *problem, const char *what) {
  snprintf(problem->what, sizeof problem->what, "%s", what);
  problem->at = 0;
  return false;
}

static bool fail_memory(struct template_problem *problem) {
  return fail(problem, template_no_memory);
}

/* Returns the list with room for one more element, which is zeroed. NULL if out of memory: the list
   stays. */
static void *grow(void *list, size_t count, size_t size) {
  char *grown = realloc(list, (count + 1) * size);
  if (grown != NULL)
    memset(grown + count * size, 0, size);
  return grown;
}

/* ---- requests ---- */

/* The path with a letter for each placeholder, to be checked. */
static char *literal_path(const struct template *target) {
  size_t room = 1;
  for (size_t i = 0; i < target->count; i++)
    room += target->parts[i].length + 1;
  char *path = malloc(room), *end = path;
  if (path == NULL)
    return NULL;
  for (size_t i = 0; i < target->count && target->parts[i].kind != PART_GROUP; i++) {
    const struct template_part *part = &target->parts[i];
    if (part->kind == PART_TEXT) {
      memcpy(end, target->text + part->start, part->length);
      end += part->length;
    } else {
      *end++ = 'x';
    }
  }
  *end = '\0';
  return path;
}

bool profile_set_request(struct profile_request *request, const char *text, size_t length,
                         const struct login_values *values, struct template_problem *problem) {
  const char *space = memchr(text, ' ', length);
  size_t method_length = space != NULL ? (size_t)(space - text) : 0;
  if (method_length == 0 || method_length >= sizeof request->method ||
      header_name_problem(text, method_length) != NULL)
    return fail(problem, "must be a method and a path, such as \"POST /login\"");
  const char *path = space + 1;
  size_t path_length = length - method_length - 1;
  if (path_length == 0 || path[0] != '/')
    return fail(problem, "must have a path that begins with \"/\" after its method");
  if (!template_compile(&request->target, TEMPLATE_PATH, path, path_length, values, problem)) {
    if (problem->at > 0)
      problem->at += method_length + 1;
    return false;
  }
  memcpy(request->method, text, method_length);
  request->method[method_length] = '\0';
  const char *query = memchr(path, '?', path_length);
  request->path = strndup(path, query != NULL ? (size_t)(query - path) : path_length);
  request->at_root = path_length == 1 || path[1] == '?';
  char *literal = literal_path(&request->target);
  if (request->path == NULL || literal == NULL) {
    free(literal);
    return fail_memory(problem);
  }
  const char *wrong = url_path_problem(literal, strlen(literal));
  if (wrong == NULL && strstr(literal, "//") != NULL)
    wrong = "has an empty segment (//)";
  free(literal);
  return wrong == NULL || fail(problem, wrong);
}

bool profile_set_body(struct profile_request *request, const char *text, size_t length,
                      const struct login_values *values, struct template_problem *problem) {
  enum template_kind kind = length > 0 && text[0] == '{' ? TEMPLATE_JSON : TEMPLATE_FORM;
  request->has_body = length > 0;
  return length == 0 || template_compile(&request->body, kind, text, length, values, problem);
}

static const struct profile_header *find_header(const struct profile_headers *headers,
                                                const char *name, size_t length) {
  for (size_t i = 0; i < headers->count; i++)
    if (header_name_is(name, length, headers->list[i].name))
      return &headers->list[i];
  return NULL;
}

/* Checks what stands between the placeholders. */
static const char *literal_problem(const struct template *value) {
  for (size_t i = 0; i < value->count; i++) {
    const struct template_part *part = &value->parts[i];
    const char *problem = part->kind == PART_TEXT
                              ? header_value_problem(value->text + part->start, part->length)
                              : NULL;
    if (problem != NULL)
      return problem;
  }
  return NULL;
}

bool profile_add_header(struct profile_headers *headers, const char *line, size_t length,
                        const struct login_values *values, struct template_problem *problem) {
  const char *colon = memchr(line, ':', length);
  size_t name_length = colon != NULL ? (size_t)(colon - line) : 0;
  if (colon == NULL)
    return fail(problem, "must be a header line, such as \"Authorization: Bearer {token}\"");
  const char *wrong = header_problem(line, name_length, "", 0);
  if (wrong == NULL && find_header(headers, line, name_length) != NULL)
    wrong = "is there twice";
  if (wrong != NULL)
    return fail(problem, wrong);
  const char *value = colon + 1;
  size_t value_length = length - name_length - 1;
  header_trim(&value, &value_length);
  struct profile_header *list = grow(headers->list, headers->count, sizeof *list);
  if (list == NULL)
    return fail_memory(problem);
  headers->list = list;
  struct profile_header *header = &list[headers->count];
  header->name = strndup(line, name_length);
  if (header->name == NULL)
    return fail_memory(problem);
  headers->count++;
  if (!template_compile(&header->value, TEMPLATE_HEADER, value, value_length, values, problem)) {
    if (problem->at > 0)
      problem->at += (size_t)(value - line);
    return false;
  }
  wrong = literal_problem(&header->value);
  return wrong == NULL || fail(problem, wrong);
}

/* ---- other parts ---- */

bool profile_set_member(struct member_path *path, const char *text, size_t length,
                        struct template_problem *problem) {
  if (length > PROFILE_MEMBER_MAX)
    return fail(problem, "is longer than 96 bytes");
  path->text = strndup(text, length);
  path->split = strndup(text, length);
  if (path->text == NULL || path->split == NULL)
    return fail_memory(problem);
  char *key = path->split;
  while (length > 0 && key != NULL) {
    char *dot = strchr(key, '.');
    if (dot != NULL)
      *dot = '\0';
    if (*key == '\0')
      return fail(problem, "must be names of members with dots between them");
    if (path->count == PROFILE_PATH_MAX)
      return fail(problem, "has more than eight members");
    path->keys[path->count++] = key;
    key = dot != NULL ? dot + 1 : NULL;
  }
  return true;
}

bool profile_add_open(struct profile *profile, const char *prefix, size_t length,
                      struct template_problem *problem) {
  if (length == 0 || prefix[0] != '/')
    return fail(problem, "must begin with \"/\"");
  char **list = grow(profile->open, profile->open_count, sizeof *list);
  if (list == NULL)
    return fail_memory(problem);
  profile->open = list;
  list[profile->open_count] = strndup(prefix, length);
  if (list[profile->open_count] == NULL)
    return fail_memory(problem);
  profile->open_count++;
  return true;
}

bool profile_add_answer(struct known_answers *answers, long status, const char *text, size_t length,
                        struct template_problem *problem) {
  struct known_answer *list = grow(answers->list, answers->count, sizeof *list);
  if (list == NULL)
    return fail_memory(problem);
  answers->list = list;
  struct known_answer *answer = &list[answers->count];
  answer->status = status;
  if (text != NULL) {
    answer->text = strndup(text, length);
    if (answer->text == NULL)
      return fail_memory(problem);
  }
  answers->count++;
  return true;
}

/* ---- clear ---- */

static void clear_headers(struct profile_headers *headers) {
  for (size_t i = 0; i < headers->count; i++) {
    free(headers->list[i].name);
    template_clear(&headers->list[i].value);
  }
  free(headers->list);
}

static void clear_request(struct profile_request *request) {
  free(request->path);
  template_clear(&request->target);
  template_clear(&request->body);
  clear_headers(&request->headers);
}

static void clear_member(struct member_path *path) {
  free(path->text);
  free(path->split);
}

static void clear_answers(struct known_answers *answers) {
  for (size_t i = 0; i < answers->count; i++)
    free(answers->list[i].text);
  free(answers->list);
}

void profile_clear(struct profile *profile) {
  free(profile->name);
  clear_request(&profile->login);
  clear_request(&profile->refresh);
  clear_member(&profile->token);
  clear_member(&profile->refresh_token);
  clear_member(&profile->identity);
  clear_member(&profile->expires);
  clear_headers(&profile->headers);
  free(profile->identity_query);
  for (size_t i = 0; i < profile->open_count; i++)
    free(profile->open[i]);
  free(profile->open);
  clear_answers(&profile->expired);
  clear_answers(&profile->refused);
  memset(profile, 0, sizeof *profile);
}

/* ---- queries ---- */

bool profile_is_open(const struct profile *profile, const char *path, size_t length) {
  for (size_t i = 0; i < profile->open_count; i++) {
    const char *prefix = profile->open[i];
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
  return find_header(&profile->headers, name, length) != NULL;
}

bool profile_request_is(const struct profile_request *request, const char *method, const char *path,
                        size_t length) {
  const char *query = memchr(path, '?', length);
  size_t size = query != NULL ? (size_t)(query - path) : length;
  return request->path != NULL && strcmp(request->method, method) == 0 &&
         strlen(request->path) == size && memcmp(request->path, path, size) == 0;
}

int profile_headers_missing(const struct profile *profile, const struct login_values *values) {
  int missing = -1;
  for (size_t i = 0; i < profile->headers.count && missing < 0; i++)
    missing = template_missing(&profile->headers.list[i].value, values);
  return missing;
}

bool profile_sends(const struct profile *profile, unsigned value, bool always) {
  for (size_t i = 0; i < profile->headers.count; i++)
    if (template_uses(&profile->headers.list[i].value, value, always))
      return true;
  return false;
}

int profile_request_missing(const struct profile_request *request,
                            const struct login_values *values) {
  int missing = template_missing(&request->target, values);
  if (missing < 0)
    missing = template_missing(&request->body, values);
  for (size_t i = 0; i < request->headers.count && missing < 0; i++)
    missing = template_missing(&request->headers.list[i].value, values);
  return missing;
}

bool profile_request_uses(const struct profile_request *request, unsigned value) {
  bool uses =
      template_uses(&request->target, value, false) || template_uses(&request->body, value, false);
  for (size_t i = 0; i < request->headers.count && !uses; i++)
    uses = template_uses(&request->headers.list[i].value, value, false);
  return uses;
}

bool profile_append_header(struct curl_slist **lines, const struct profile_header *header,
                           const struct login_values *values) {
  struct buffer text;
  unsigned value = 0;
  buffer_init(&text, 16 * MIC_SECRET_MAX, true);
  enum template_status status = TEMPLATE_LEFT_OUT;
  if (template_missing(&header->value, values) < 0)
    status = template_fill(&header->value, values, &text, &value);
  bool ok = status == TEMPLATE_LEFT_OUT ||
            (status == TEMPLATE_FILLED &&
             header_append(lines, header->name, strlen(header->name), text.data, text.length));
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
  while (header_next(answer->head, answer->head_length, &offset, &field))
    if (header_name_is(field.name, field.name_length, "WWW-Authenticate") &&
        contains(field.value, field.value_length, text))
      return true;
  return false;
}

static bool is_known(const struct known_answers *answers, const struct profile_answer *answer) {
  for (size_t i = 0; i < answers->count; i++) {
    const struct known_answer *known = &answers->list[i];
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
