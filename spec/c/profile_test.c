/* Unit tests of what compiles and fills a profile, without Lua: template, login_values, escape,
   token_time, profile. An argument selects a section; without one, all run. Link with
   -Wl,--wrap=malloc,--wrap=realloc,--wrap=strndup. */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials/profile.h"
#include "credentials/template.h"
#include "credentials/token_time.h"
#include "text/escape.h"

static int checks;
static int failures;

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

static void check(bool good, const char *condition, const char *file, int line) {
  checks++;
  if (good)
    return;
  failures++;
  fprintf(stderr, "%s:%d: failed: %s\n", file, line, condition);
}

/* ---- allocator that fails once ---- */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strndup(const char *text, size_t length);

static int fail_at; /* the number of the allocation that fails; 0: none */

static bool fails(void) {
  return fail_at > 0 && --fail_at == 0;
}

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size) {
  return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t length) {
  return fails() ? NULL : __real_strndup(text, length);
}

/* ---- values ---- */

static struct own_values own;
static struct secret secrets[VALUE_BASIC];

static struct login_values all_values(void) {
  struct login_values values = {.own = &own};
  for (size_t i = 0; i < VALUE_BASIC; i++)
    values.built_in[i] = &secrets[i];
  return values;
}

static void set(unsigned value, const char *text) {
  CHECK(secret_set(&secrets[value], text, strlen(text)));
}

static void clear_values(void) {
  for (size_t i = 0; i < VALUE_BASIC; i++)
    secret_clear(&secrets[i]);
  own_values_clear(&own);
}

static void usual_values(void) {
  clear_values();
  set(VALUE_USERNAME, "anna");
  set(VALUE_PASSWORD, "p\"\\\n&=+ %{/\xc3\xa4");
  set(VALUE_CLIENT_ID, "id:1");
  set(VALUE_CLIENT_SECRET, "s e+c");
  CHECK(own_values_add(&own, "scope", "read write", 10, false));
  CHECK(own_values_add(&own, "empty", "", 0, false));
  CHECK(own_values_add(&own, "_x1", "v", 1, true));
}

/* ---- template ---- */

/* The filled template, or what is wrong, as text that is valid until the next call. */
static const char *filled(enum template_kind kind, const char *source) {
  static char text[512];
  const struct login_values values = all_values();
  struct template template;
  struct template_problem problem = {"", 0};
  size_t length = strlen(source);
  char *exact = malloc(length > 0 ? length : 1);
  if (exact == NULL)
    return "no memory";
  memcpy(exact, source, length);
  bool good = template_compile(&template, kind, exact, length, &values, &problem);
  memset(exact, '?', length); /* it must not be needed any more */
  free(exact);
  if (!good) {
    CHECK(template.text == NULL && template.parts == NULL);
    snprintf(text, sizeof text, "%zu: %s", problem.at, problem.what);
    return text;
  }
  struct buffer to;
  unsigned value = 0;
  buffer_init(&to, sizeof text - 1, true);
  int missing = template_missing(&template, &values);
  enum template_status status =
      missing < 0 ? template_fill(&template, &values, &to, &value) : TEMPLATE_FILLED;
  if (missing >= 0)
    snprintf(text, sizeof text, "lacks %s", login_value_name(&own, (unsigned)missing));
  else if (status == TEMPLATE_FILLED)
    snprintf(text, sizeof text, "%.*s", (int)to.length, to.length > 0 ? to.data : "");
  else if (status == TEMPLATE_UNFIT)
    snprintf(text, sizeof text, "unfit %s", login_value_name(&own, value));
  else
    snprintf(text, sizeof text, "%s", status == TEMPLATE_LEFT_OUT ? "left out" : "no memory");
  buffer_free(&to);
  template_clear(&template);
  return text;
}

/* Shows both texts if they differ. */
static bool fills(enum template_kind kind, const char *source, const char *expected) {
  const char *text = filled(kind, source);
  if (strcmp(text, expected) == 0)
    return true;
  fprintf(stderr, "%s\n  gives    %s\n  expected %s\n", source, text, expected);
  return false;
}

static void test_json(void) {
  CHECK(fills(TEMPLATE_JSON, "{\"u\":{username},\"p\":{password}}",
              "{\"u\":\"anna\",\"p\":\"p\\\"\\\\\\n&=+ %{/\xc3\xa4\"}"));
  CHECK(fills(TEMPLATE_JSON, " { \"a\" : [ {username} , 1.5e-3,true , null,{ } ,[]] , \"b\":{}}\n",
              "{\"a\":[\"anna\",1.5e-3,true,null,{},[]],\"b\":{}}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":\"{{x}}\\\"{{\",\"{{b\":{_x1}}",
              "{\"a\":\"{x}}\\\"{\",\"{b\":\"v\"}"));
  CHECK(
      fills(TEMPLATE_JSON, "{\"a\":\"{\",\"b\":\"{ {} {1}\"}", "{\"a\":\"{\",\"b\":\"{ {} {1}\"}"));
}

static void test_json_optional(void) {
  CHECK(fills(TEMPLATE_JSON, "{\"a\":{token?}}", "{}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":{token?},\"b\":1,\"c\":{identity?}}", "{\"b\":1}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":1,\"b\":{nobody?},\"c\":2}", "{\"a\":1,\"c\":2}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":[{token?},{username?},{token?},2]}", "{\"a\":[\"anna\",2]}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":[{token?}]}", "{\"a\":[]}"));
  CHECK(fills(TEMPLATE_JSON, "{\"o\":{\"a\":{token?}},\"b\":{empty?}}", "{\"o\":{},\"b\":\"\"}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":{token}}", "lacks token"));
}

static void test_json_wrong(void) {
  const char *const no_json = "1: it begins with \"{\" and is not valid JSON";
  static const char *const broken[] = {"{",
                                       "{\"a\":}",
                                       "{\"a\":1}}",
                                       "{\"a\":{username}5}",
                                       "{\"a\":5{username}}",
                                       "{\"a\":-{_x1}}",
                                       "{\"a\":1e{_x1}}",
                                       "{\"a\":{_x1}{_x1}}",
                                       "{ {username}:1}",
                                       "{\"a\":{_x1}\"\"}",
                                       "{\"a\":\"\"{_x1}}",
                                       "{\"a\":{user name}}",
                                       "{\"a\":{}{_x1}}",
                                       "{\"a\" {_x1}}",
                                       "{\"a\":1} {username}"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    CHECK(fills(TEMPLATE_JSON, broken[i], no_json));
  static const char *const whole[] = {"{username}", "{nobody?}", "{token?}", "{username} "};
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
    CHECK(fills(TEMPLATE_JSON, whole[i], "1: a placeholder cannot be the whole body"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":{nobody}}", "6: unknown placeholder {nobody}"));
  CHECK(fills(TEMPLATE_JSON, "{\"a\":{api_key}}", "6: {api_key} has no value"));
  const char *const inside = ": a placeholder must be a whole JSON value, not a part of a string";
  char expected[96];
  snprintf(expected, sizeof expected, "9%s", inside);
  CHECK(fills(TEMPLATE_JSON, "{\"a\":\"\\\"{username}\"}", expected));
  snprintf(expected, sizeof expected, "3%s", inside);
  CHECK(fills(TEMPLATE_JSON, "{\"{username}\":1}", expected));
  char deep[400];
  memset(deep, '[', sizeof deep - 1);
  deep[0] = '{';
  deep[sizeof deep - 1] = '\0';
  CHECK(fills(TEMPLATE_JSON, deep, no_json));
}

static void test_form(void) {
  CHECK(fills(TEMPLATE_FORM, "grant_type=password&u={username}&p={password}",
              "grant_type=password&u=anna&p=p%22%5C%0A%26%3D%2B+%25%7B%2F%C3%A4"));
  CHECK(fills(TEMPLATE_FORM, "scope={scope?}&t={token?}&x={_x1}", "scope=read+write&x=v"));
  CHECK(fills(TEMPLATE_FORM, "t={token?}&a=1", "a=1"));
  CHECK(fills(TEMPLATE_FORM, "a=1&t={token?}", "a=1"));
  CHECK(fills(TEMPLATE_FORM, "t={token?}", ""));
  CHECK(fills(TEMPLATE_FORM, "e={empty?}&n={nobody?}&b={username}{token?}", "e="));
  CHECK(fills(TEMPLATE_FORM, "a={{b}&{username}={{{username}", "a={b}&anna={anna"));
  CHECK(fills(TEMPLATE_FORM, "a={&b=1",
              "3: \"{\" does not begin a placeholder; write a brace as \"{{\""));
  CHECK(fills(TEMPLATE_FORM, "a={user-name}",
              "3: \"{\" does not begin a placeholder; write a brace as \"{{\""));
  CHECK(fills(TEMPLATE_FORM, "a={1}",
              "3: \"{\" does not begin a placeholder; write a brace as \"{{\""));
  CHECK(fills(TEMPLATE_FORM, "a={username",
              "3: \"{\" does not begin a placeholder; write a brace as \"{{\""));
  CHECK(fills(TEMPLATE_FORM, "a={username??}",
              "3: \"{\" does not begin a placeholder; write a brace as \"{{\""));
  CHECK(fills(TEMPLATE_FORM, "a={Username}", "3: unknown placeholder {Username}"));
}

static void test_path(void) {
  CHECK(fills(TEMPLATE_PATH, "/login/{username}", "/login/anna"));
  CHECK(fills(TEMPLATE_PATH, "/a/{scope}/b?p={password}&s={scope?}&t={token?}",
              "/a/read%20write/b?p=p%22%5C%0A%26%3D%2B%20%25%7B%2F%C3%A4&s=read%20write"));
  CHECK(fills(TEMPLATE_PATH, "/a?t={token?}&b=1", "/a?b=1"));
  CHECK(fills(TEMPLATE_PATH, "/a?t={token?}", "/a"));
  CHECK(fills(TEMPLATE_PATH, "/a?e={empty}", "/a?e="));
  CHECK(fills(TEMPLATE_PATH, "/a/{empty}", "unfit empty"));
  CHECK(fills(TEMPLATE_PATH, "/a/{scope?}",
              "1: an optional placeholder {name?} is not allowed in a path"));
  CHECK(fills(TEMPLATE_PATH, "/a/{{{username}", "/a/{anna"));
  static const char *const dots[] = {".", "..", "%2e%2E", "%2e", "%252e."};
  for (size_t i = 0; i < sizeof dots / sizeof *dots; i++) {
    set(VALUE_USERNAME, dots[i]);
    CHECK(fills(TEMPLATE_PATH, "/a/{username}/b", "unfit username"));
  }
  set(VALUE_USERNAME, "a/../b");
  CHECK(fills(TEMPLATE_PATH, "/{username}", "unfit username"));
  CHECK(fills(TEMPLATE_PATH, "/?u={username}", "/?u=a%2F..%2Fb"));
  set(VALUE_USERNAME, "...");
  CHECK(fills(TEMPLATE_PATH, "/{username}", "/..."));
  set(VALUE_USERNAME, "..");
  CHECK(fills(TEMPLATE_PATH, "/a?u={username}", "/a?u=.."));
  set(VALUE_USERNAME, "anna");
}

static void test_header(void) {
  CHECK(fills(TEMPLATE_HEADER, "Bearer {username}", "Bearer anna"));
  CHECK(fills(TEMPLATE_HEADER, "{token?}", "left out"));
  CHECK(fills(TEMPLATE_HEADER, "a {username} {token?}", "left out"));
  CHECK(fills(TEMPLATE_HEADER, "{{{username}}", "{anna}"));
  CHECK(fills(TEMPLATE_HEADER, "", ""));
  CHECK(fills(TEMPLATE_HEADER, "{token}", "lacks token"));
  CHECK(fills(TEMPLATE_HEADER, "{basic}", "YW5uYTpwIlwKJj0rICV7L8Ok"));
  CHECK(fills(TEMPLATE_HEADER, "Basic {client_basic}", "Basic aWQlM0ExOnMrZSUyQmM="));
  secret_clear(&secrets[VALUE_PASSWORD]);
  CHECK(fills(TEMPLATE_HEADER, "{basic}", "lacks basic"));
  CHECK(fills(TEMPLATE_HEADER, "{basic?}", "left out"));
  secret_clear(&secrets[VALUE_CLIENT_SECRET]);
  CHECK(fills(TEMPLATE_HEADER, "x{client_basic}", "2: {client_basic} has no value"));
  usual_values();
  const struct login_values values = all_values();
  struct template template;
  struct template_problem problem = {"", 0};
  unsigned value = 0;
  struct buffer to;
  CHECK(template_compile(&template, TEMPLATE_HEADER, "{username}", 10, &values, &problem));
  buffer_init(&to, 100, true);
  set(VALUE_USERNAME, "a\r\nb: c");
  CHECK(template_fill(&template, &values, &to, &value) == TEMPLATE_UNFIT);
  CHECK(value == VALUE_USERNAME && to.length == 0);
  buffer_free(&to);
  template_clear(&template);
  set(VALUE_USERNAME, "anna");
  CHECK(own_values_add(&own, "broken", "a\nb", 3, false));
  CHECK(fills(TEMPLATE_HEADER, "x {broken}", "3: {broken} has a line break in its value"));
}

/* Nothing is lost or left allocated when any one allocation fails. */
static void test_memory(void) {
  const struct login_values values = all_values();
  static const char source[] = "{\"a\":{username},\"b\":[{scope?},{token?}],\"c\":{\"d\":{_x1}}}";
  bool done = false;
  int count = 0;
  for (count = 1; !done && count < 100; count++) {
    struct template template;
    struct template_problem problem = {"", 0};
    struct buffer to;
    unsigned value = 0;
    buffer_init(&to, 1000, true);
    fail_at = count;
    bool good =
        template_compile(&template, TEMPLATE_JSON, source, sizeof source - 1, &values, &problem);
    enum template_status status = TEMPLATE_FILLED;
    if (good)
      status = template_fill(&template, &values, &to, &value);
    done = fail_at > 0;
    fail_at = 0;
    if (!good)
      CHECK(strcmp(problem.what, template_no_memory) == 0);
    CHECK(done == (good && status == TEMPLATE_FILLED));
    if (good)
      CHECK(status == TEMPLATE_FILLED || status == TEMPLATE_NO_MEMORY);
    buffer_free(&to);
    template_clear(&template);
  }
  CHECK(done && count > 5);
}

static void test_template(void) {
  usual_values();
  test_json();
  test_json_optional();
  test_json_wrong();
  test_form();
  test_path();
  test_header();
  usual_values();
  test_memory();
  clear_values();
}

/* ---- token_time ---- */

static double left(const char *text, enum time_unit unit, double wall) {
  size_t length = strlen(text);
  char *exact = malloc(length > 0 ? length : 1);
  if (exact == NULL)
    return -1.0;
  memcpy(exact, text, length);
  double seconds = token_time_left(exact, length, unit, wall);
  free(exact);
  return seconds;
}

static bool is(double one, double other) {
  return one >= other && one <= other;
}

static void test_token_time(void) {
  CHECK(is(left("3600", TIME_SECONDS, 5), 3600) && is(left("1.5e1", TIME_SECONDS, 5), 15));
  CHECK(is(left("0.5", TIME_SECONDS, 5), 0.5) && is(left(" 60 ", TIME_SECONDS, 5), 60));
  CHECK(is(left("900000", TIME_MILLISECONDS, 5), 900) &&
        is(left("1", TIME_MILLISECONDS, 5), 0.001));
  CHECK(is(left("1700000060", TIME_EPOCH, 1700000000), 60));
  CHECK(is(left("1700000060.5", TIME_EPOCH, 1700000000), 60.5));
  CHECK(is(left("10000000000", TIME_SECONDS, 5), 1e10) &&
        is(left("10000000001", TIME_SECONDS, 5), 0));
  CHECK(is(left("10000000000001", TIME_MILLISECONDS, 5), 0));
  CHECK(is(left("11800000000", TIME_EPOCH, 1700000000), 0));
  static const char *const junk[] = {
      "",     " ",   "0",  "-1",     "-0",    "abc", "12 34", "1,5", "NaN", "inf", "0x10", "null",
      "true", "[1]", "{}", "\"60\"", "1e999", "60s", "+60",   ".5",  "1.",  "01",  "1e",   "--1"};
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
    for (int unit = TIME_SECONDS; unit <= TIME_ISO; unit++)
      CHECK(is(left(junk[i], (enum time_unit)unit, 0), 0));
  for (int unit = TIME_SECONDS; unit <= TIME_ISO; unit++)
    CHECK(is(token_time_left(NULL, 0, (enum time_unit)unit, 0), 0));
  CHECK(is(left("1699999999", TIME_EPOCH, 1700000000), 0));
  CHECK(is(left("1700000000", TIME_EPOCH, 1700000000), 0));
}

static void test_iso(void) {
  /* 1700000000 is 2023-11-14T22:13:20Z. */
  static const char *const minute[] = {
      "2023-11-14T22:14:20Z",      "2023-11-14t22:14:20z",      "2023-11-14 22:14:20",
      "2023-11-14T22:14:20.999Z",  "2023-11-14T22:14:20.1",     "2023-11-15T00:14:20+02:00",
      "2023-11-15T00:14:20+0200",  "2023-11-15T00:14:20.5+02",  "2023-11-14T16:44:20-05:30",
      "2023-11-14T22:14:20+00:00", "2023-11-14T22:14:20-00:00", "2023-11-14T22:14:20.123456789Z"};
  for (size_t i = 0; i < sizeof minute / sizeof *minute; i++)
    CHECK(is(left(minute[i], TIME_ISO, 1700000000), 60));
  CHECK(is(left("1970-01-01T00:00:10Z", TIME_ISO, 0), 10));
  CHECK(is(left("2000-02-29T00:00:00Z", TIME_ISO, 951782340), 60));
  CHECK(is(left("2000-03-01T00:00:00Z", TIME_ISO, 951868740), 60));
  CHECK(is(left("2100-03-01T00:00:00Z", TIME_ISO, 4107542340), 60));
  CHECK(is(left("2016-12-31T23:59:60Z", TIME_ISO, 1483228740), 60)); /* a leap second */
  CHECK(is(left("9999-12-31T23:59:59Z", TIME_ISO, 1700000000), 0));
  CHECK(is(left("2023-11-14T22:13:20Z", TIME_ISO, 1700000000), 0));
  static const char *const junk[] = {"2023-11-14",
                                     "2023-11-14T22:14Z",
                                     "2023-11-14T22:14:20Zx",
                                     "2023-13-14T22:14:20Z",
                                     "2023-00-14T22:14:20Z",
                                     "2023-11-32T22:14:20Z",
                                     "2023-11-00T22:14:20Z",
                                     "2023-11-14T25:14:20Z",
                                     "2023-11-14T22:60:20Z",
                                     "2023-11-14T22:14:61Z",
                                     "2023-1-14T22:14:20Z",
                                     "20231114T221420Z",
                                     "23-11-14T22:14:20Z",
                                     "2023-11-14T22:14:20+2",
                                     "2023-11-14T22:14:20+",
                                     "2023-11-14T22:14:20+02:0",
                                     "2023-11-14X22:14:20Z",
                                     "2023-11-14T22:14:20 ",
                                     "3600",
                                     "Tue, 14 Nov 2023 22:14:20 GMT"};
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
    CHECK(is(left(junk[i], TIME_ISO, 0), 0));
}

static void test_times(void) {
  test_token_time();
  test_iso();
}

/* ---- profile ---- */

/* Sets a field, or adds an element to a list. */
static bool sets(struct profile *profile, const char *name, const char *text, size_t length,
                 long status, struct template_problem *problem) {
  const struct login_values values = all_values();
  for (size_t i = 0; i < PROFILE_FIELDS; i++)
    if (strcmp(profile_fields[i].name, name) == 0)
      return profile_set(profile, &profile_fields[i], text, length, status, &values, problem);
  return false;
}

static const char *request_problem(const char *text) {
  static char shown[160];
  struct profile profile = {0};
  struct template_problem problem = {"", 0};
  bool good = sets(&profile, "login", text, strlen(text), 0, &problem);
  profile_clear(&profile);
  snprintf(shown, sizeof shown, "%zu: %s", problem.at, problem.what);
  return good ? "" : shown;
}

static void test_requests(void) {
  static const char *const good[] = {"POST /", "GET /a/{username}?x={scope?}", "M-SEARCH /a.b/c",
                                     "PUT /a?b=/../c", "POST /a{username}b/{scope}"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK(strcmp(request_problem(good[i]), "") == 0);
  static const char *const no_method = "0: must be a method and a path, such as \"POST /login\"";
  CHECK(strcmp(request_problem("/login"), no_method) == 0);
  CHECK(strcmp(request_problem(""), no_method) == 0);
  CHECK(strcmp(request_problem(" /login"), no_method) == 0);
  CHECK(strcmp(request_problem("PO\tST /login"), no_method) == 0);
  CHECK(strcmp(request_problem("ABCDEFGHIJKLMNOPQRSTUVWX /login"), no_method) == 0);
  CHECK(strcmp(request_problem("POST login"),
               "0: must have a path that begins with \"/\" after its method") == 0);
  CHECK(strcmp(request_problem("POST  /login"),
               "0: must have a path that begins with \"/\" after its method") == 0);
  CHECK(strcmp(request_problem("POST /a//b"), "0: has an empty segment (//)") == 0);
  CHECK(strcmp(request_problem("POST /a/{nobody}"), "9: unknown placeholder {nobody}") == 0);
  static const char *const bad[] = {"POST /a/../b", "POST /a/%2e%2E/b", "POST /a b",    "POST /a#b",
                                    "POST /./a",    "POST /a\r\nb",     "POST /a\xe4/", "POST //x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(strcmp(request_problem(bad[i]), "") != 0);
}

static void test_request_is(void) {
  struct profile profile = {0};
  struct template_problem problem = {"", 0};
  CHECK(sets(&profile, "login", "POST /token?grant=x", 19, 0, &problem));
  CHECK(!profile.login.at_root && strcmp(profile.login.method, "POST") == 0);
  CHECK(sets(&profile, "refresh", "POST /", 6, 0, &problem));
  CHECK(profile.refresh.at_root);
  CHECK(sets(&profile, "open", "/auth/", 6, 0, &problem));
  CHECK(sets(&profile, "open", "/metadata", 9, 0, &problem));
  CHECK(!sets(&profile, "open", "metadata", 8, 0, &problem));
  CHECK(!sets(&profile, "open", "", 0, 0, &problem));
  CHECK(profile_is_open(&profile, "/auth/x", 7) && profile_is_open(&profile, "/metadata", 9));
  CHECK(profile_is_open(&profile, "/metadata?x", 11) &&
        profile_is_open(&profile, "/metadata/x", 11));
  CHECK(!profile_is_open(&profile, "/auth", 5) && !profile_is_open(&profile, "/metadatax", 10));
  profile_clear(&profile);
}

static bool adds_header(struct profile *profile, const char *line, const char *expected) {
  struct template_problem problem = {"", 0};
  bool good = sets(profile, "headers", line, strlen(line), 0, &problem);
  if (good != (*expected == '\0') || strcmp(problem.what, expected) != 0)
    fprintf(stderr, "%s: %s\n", line, problem.what);
  return good == (*expected == '\0') && strcmp(problem.what, expected) == 0;
}

static void test_headers(void) {
  struct profile profile = {0};
  const struct login_values values = all_values();
  CHECK(adds_header(&profile, "Authorization: Bearer {token}", ""));
  CHECK(adds_header(&profile, "X-Tenant:{scope}", ""));
  CHECK(adds_header(&profile, "authorization: x", "is a duplicate"));
  CHECK(adds_header(&profile, "nothing",
                    "must be a header line, such as \"Authorization: Bearer {token}\""));
  CHECK(adds_header(&profile, ": x", "is an empty name"));
  CHECK(adds_header(&profile, "A: x\r\nB: y", "has a line break in its value"));
  CHECK(adds_header(&profile, "B: {nobody}", "unknown placeholder {nobody}"));
  CHECK(adds_header(&profile, "Host: x", "is a connection header and cannot be set"));
  CHECK(adds_header(&profile, "content_length: 1", "is a connection header and cannot be set"));
  CHECK(profile_owns_header(&profile, "x-tenant", 8));
  CHECK(!profile_owns_header(&profile, "X-Tenan", 7));
  CHECK(login_value_missing(&values, profile.headers.needs) == VALUE_TOKEN);
  CHECK(!profile_needs_identity(&profile));
  CHECK(adds_header(&profile, "X-Id: {identity?}", ""));
  CHECK(!profile_needs_identity(&profile) && (profile.headers.uses & VALUE_BIT(VALUE_IDENTITY)));
  set(VALUE_TOKEN, "t");
  CHECK(login_value_missing(&values, profile.headers.needs) == -1);
  CHECK(adds_header(&profile, "X-User: {identity}", "") && profile_needs_identity(&profile));
  secret_clear(&secrets[VALUE_TOKEN]);
  profile_clear(&profile);
}

static bool member_is(const char *text, size_t count) {
  struct profile profile = {0};
  struct template_problem problem = {"", 0};
  bool good = sets(&profile, "token", text, strlen(text), 0, &problem);
  bool right = good && profile.members[MEMBER_TOKEN].count == count &&
               strcmp(profile.members[MEMBER_TOKEN].text, text) == 0;
  profile_clear(&profile);
  return right;
}

static void test_members(void) {
  CHECK(member_is("", 0) && member_is("a", 1) && member_is("data.access_token", 2));
  CHECK(member_is("a.b.c.d.e.f.g.h", 8) && !member_is("a.b.c.d.e.f.g.h.i", 9));
  CHECK(!member_is(".", 0) && !member_is("a.", 1) && !member_is(".a", 1) && !member_is("a..b", 2));
  char name[PROFILE_MEMBER_MAX + 2];
  memset(name, 'n', sizeof name);
  name[PROFILE_MEMBER_MAX + 1] = '\0';
  CHECK(!member_is(name, 1));
  name[PROFILE_MEMBER_MAX] = '\0';
  CHECK(member_is(name, 1));
}

static struct profile_answer answer(long status, const char *body, const char *head) {
  return (struct profile_answer){status, body, strlen(body), head, strlen(head)};
}

static void test_meanings(void) {
  struct profile profile = {0};
  struct template_problem problem = {"", 0};
  CHECK(sets(&profile, "expired", "Invalid_token", 13, 401, &problem));
  CHECK(sets(&profile, "expired", "terminated", 10, 200, &problem));
  CHECK(sets(&profile, "refused", NULL, 0, 403, &problem));
  CHECK(profile_may_mean(&profile, 401) && profile_may_mean(&profile, 200));
  CHECK(!profile_may_mean(&profile, 403));
  static const char *const none = "HTTP/1.1 401 No\r\n\r\n";
  static const char *const challenge =
      "HTTP/1.1 401 No\r\nX: invalid_token\r\nWWW-authenticate: Basic\r\n"
      "www-authenticate: Bearer error=\"INVALID_TOKEN\"\r\n\r\n";
  static const char *const other = "HTTP/1.1 401 No\r\nX: invalid_token\r\n\r\n";
  struct profile_answer answers[] = {answer(401, "", challenge),
                                     answer(401, "an iNVALID_TOKEN", none),
                                     answer(200, "terminated", none)};
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
    CHECK(profile_meaning(&profile, &answers[i]) == ANSWER_EXPIRED);
  struct profile_answer plain[] = {
      answer(401, "", other), answer(401, "invalid_toke", none), answer(403, "invalid_token", none),
      answer(200, "invalid_token", none), answer(201, "terminated", none)};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    CHECK(profile_meaning(&profile, &plain[i]) == ANSWER_PLAIN);
  CHECK(profile_auth_meaning(&profile, false, &answers[0]) == ANSWER_PLAIN);
  CHECK(profile_auth_meaning(&profile, true, &answers[0]) == ANSWER_REFUSED);
  CHECK(profile_auth_meaning(&profile, false, &plain[2]) == ANSWER_REFUSED);
  CHECK(profile_auth_meaning(&profile, true, &plain[3]) == ANSWER_PLAIN);
  profile_clear(&profile);
}

/* Builds a profile and returns false if an allocation failed. */
static bool build(struct profile *profile, struct template_problem *problem) {
  return sets(profile, "login", "POST /a/{username}?b={scope?}", 29, 0, problem) &&
         sets(profile, "login_body", "{\"a\":{password}}", 16, 0, problem) &&
         sets(profile, "headers", "A: {token}", 10, 0, problem) &&
         sets(profile, "token", "a.b", 3, 0, problem) &&
         sets(profile, "open", "/x", 2, 0, problem) &&
         sets(profile, "expired", "x", 1, 401, problem);
}

static void test_profile_memory(void) {
  bool done = false;
  int count = 0;
  for (count = 1; !done && count < 100; count++) {
    struct profile profile = {0};
    struct template_problem problem = {"", 0};
    fail_at = count;
    bool good = build(&profile, &problem);
    done = fail_at > 0;
    fail_at = 0;
    CHECK(good == done);
    if (!good)
      CHECK(strcmp(problem.what, template_no_memory) == 0);
    profile_clear(&profile);
  }
  CHECK(done && count > 10);
}

static void test_profile(void) {
  usual_values();
  test_requests();
  test_request_is();
  test_headers();
  test_members();
  test_meanings();
  test_profile_memory();
  clear_values();
}

/* ---- sections ---- */

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } sections[] = {
      {"template", test_template}, {"token_time", test_times}, {"profile", test_profile}};
  bool ran = false;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    if (argc > 1 && strcmp(argv[1], sections[i].name) != 0)
      continue;
    sections[i].run();
    ran = true;
  }
  if (!ran) {
    fprintf(stderr, "no section %s\n", argv[1]);
    return 2;
  }
  printf("%d checks, %d failed\n", checks, failures);
  return failures > 0 ? 1 : 0;
}
