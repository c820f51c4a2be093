/* Fuzz target for auth_reply: the secrets taken from a reply can be sent, and the masked body
   contains none of them and stays JSON. */
#include "fuzz.h"

#include "credentials/auth_reply.h"
#include "text/header.h"
#include "text/json_scan.h"

struct look {
  const struct secret *secret;
  bool members; /* check strings by the name of their member instead */
};

static bool all_stars(const char *text, struct json_span span) {
  for (size_t i = span.start + 1; i < span.end - 1; i++)
    if (text[i] != '*')
      return false;
  return true;
}

static void check_absent(const char *text, struct json_span span, const struct secret *secret,
                         bool key) {
  char *plain = exact_copy(text + span.start, span.end - span.start);
  size_t length = json_unescape(text, span, plain);
  if (secret->length >= MASK_INSIDE_MIN)
    CHECK(!memmem(plain, length, secret->bytes, secret->length));
  else if (!key)
    CHECK(length != secret->length || memcmp(plain, secret->bytes, length) != 0);
  free(plain);
}

static bool named(const char *text, const struct json_value *value, const char *name) {
  struct json_value member = *value;
  if (member.depth == 0)
    return false;
  member.keys += member.depth - 1;
  member.depth = 1;
  return json_value_is_at(text, &member, &name, 1);
}

static bool look_visit(void *context, const char *text, const struct json_value *value) {
  const struct look *look = context;
  if (look->members) {
    if (value->kind == JSON_STRING &&
        (named(text, value, "token") || named(text, value, "refreshToken")))
      CHECK(all_stars(text, value->span));
    return true;
  }
  if (value->kind == JSON_STRING)
    check_absent(text, value->span, look->secret, false);
  if (value->depth > 0 && value->keys[value->depth - 1].end > 0)
    check_absent(text, value->keys[value->depth - 1], look->secret, true);
  return true;
}

/* Masking may produce a secret that contains an asterisk. That reveals nothing. */
static void check_masked(const char *body, size_t size, const struct secret *secret) {
  if (secret->length == 0 || memchr(secret->bytes, '*', secret->length))
    return;
  struct look look = {.secret = secret};
  CHECK(json_scan(body, size, look_visit, &look) == JSON_OK);
}

static void check_taken(const struct secret *secret) {
  if (!secret->bytes)
    return;
  CHECK(secret->length > 0 && secret->length <= MIC_SECRET_MAX);
  CHECK(!header_value_problem(secret->bytes, secret->length));
}

/* One with members at several depths. It lives as long as the process. */
static const struct profile *example_profile(void) {
  static const char *const members[PROFILE_MEMBERS] = {
      "credentials.identityId", "credentials.token", "credentials.refreshToken", "expires_in"};
  static struct profile profile;
  struct template_problem problem;
  for (size_t i = 0; i < PROFILE_FIELDS && profile.members[MEMBER_EXPIRES].count == 0; i++)
    for (size_t j = 0; j < PROFILE_MEMBERS; j++)
      if (profile_fields[i].offset ==
          offsetof(struct profile, members) + j * sizeof(struct member_path))
        CHECK(profile_set(&profile, &profile_fields[i], members[j], strlen(members[j]), 0, NULL,
                          &problem));
  return &profile;
}

/* Whatever the text says, the time left is sane. */
static void check_expires(const struct secret *expires) {
  for (int unit = TIME_SECONDS; unit <= TIME_ISO; unit++) {
    double left =
        token_time_left(expires->bytes, expires->length, (enum time_unit)unit, 1700000000.0);
    CHECK(left >= 0.0 && left <= MIC_LIFETIME_MAX);
  }
}

static void check_absorb(const char *text, size_t size) {
  char *body = exact_copy(text, size);
  struct auth_reply reply;
  memset(&reply, 0, sizeof reply);
  enum json_status readable = json_scan(body, size, NULL, NULL);
  enum absorb_status status = auth_reply_absorb(example_profile(), body, size, &reply);
  CHECK(status != ABSORB_NO_MEMORY);
  CHECK((readable == JSON_OK) == (status != ABSORB_UNREADABLE));
  CHECK((status == ABSORB_OK) == (reply.members[MEMBER_TOKEN].bytes != NULL));
  if (status == ABSORB_OK) {
    check_taken(&reply.members[MEMBER_IDENTITY]);
    check_taken(&reply.members[MEMBER_TOKEN]);
    check_taken(&reply.members[MEMBER_REFRESH_TOKEN]);
    check_expires(&reply.members[MEMBER_EXPIRES]);
    check_masked(body, size, &reply.members[MEMBER_TOKEN]);
    check_masked(body, size, &reply.members[MEMBER_REFRESH_TOKEN]);
  } else {
    CHECK(!reply.members[MEMBER_IDENTITY].bytes && !reply.members[MEMBER_REFRESH_TOKEN].bytes &&
          !reply.members[MEMBER_EXPIRES].bytes);
    CHECK(reply.problem[0] && memchr(reply.problem, '\0', sizeof reply.problem));
  }
  if (status != ABSORB_UNREADABLE) {
    struct look look = {.members = true};
    CHECK(json_scan(body, size, look_visit, &look) == JSON_OK);
  }
  auth_reply_clear(&reply);
  free(body);
}

/* Uses each string of the text in turn as the secret to mask. */
struct picks {
  size_t size;
  int left;
};

static bool pick_visit(void *context, const char *text, const struct json_value *value) {
  struct picks *picks = context;
  if (value->kind != JSON_STRING)
    return true;
  if (picks->left-- <= 0)
    return false;
  char *plain = exact_copy(text + value->span.start, value->span.end - value->span.start);
  size_t length = json_unescape(text, value->span, plain);
  struct secret secret = {NULL, 0};
  CHECK(secret_set(&secret, plain, length));
  free(plain);
  char *body = exact_copy(text, picks->size);
  struct mask mask;
  mask_init(&mask);
  mask_add(&mask, &secret);
  CHECK(mask_begin(&mask, picks->size));
  if (auth_reply_mask(body, picks->size, &mask) == ABSORB_OK)
    check_masked(body, picks->size, &secret);
  mask_end(&mask);
  free(body);
  secret_clear(&secret);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = exact_copy(data, size);
  check_absorb(text, size);
  struct picks picks = {size, 8};
  json_scan(text, size, pick_visit, &picks);
  free(text);
  return 0;
}
