#include "../base.h"

#include <stdio.h>
#include <string.h>

#include "../text/header.h"
#include "../text/json_scan.h"
#include "auth_reply.h"

static void mask_inside(char *body, struct json_span span) {
  memset(body + span.start + 1, '*', span.end - span.start - 2);
}

/* ---- mask known secrets ---- */

struct mask_job {
  char *body; /* scanned in place: each value is masked only after its visit */
  struct mask *mask;
};

/* Masks the whole string if it has escapes: a match may start or end inside one. */
static void mask_string(struct mask_job *job, struct json_span span) {
  char *inside = job->body + span.start + 1;
  size_t length = span.end - span.start - 2;
  bool has_escapes = memchr(inside, '\\', length) != NULL;
  if (mask_overwrite(job->mask, inside, length) && has_escapes)
    mask_inside(job->body, span);
}

/* A number that contains a secret becomes a string, so that the text stays JSON. */
static void mask_number(struct mask_job *job, struct json_span span) {
  size_t length = span.end - span.start;
  if (length < MASK_INSIDE_MIN || !mask_find(job->mask, job->body + span.start, length, false))
    return;
  mask_inside(job->body, span);
  job->body[span.start] = job->body[span.end - 1] = '"';
}

static bool mask_visit(void *context, const char *text, const struct json_value *value) {
  struct mask_job *job = context;
  (void)text;
  if (value->kind == JSON_STRING)
    mask_string(job, value->span);
  else if (value->kind == JSON_NUMBER)
    mask_number(job, value->span);
  /* Masks a member's name, which may echo a secret too, once its value was read. */
  if (value->depth > 0) {
    struct json_span key = value->keys[value->depth - 1];
    if (key.end >= key.start + 2 + MASK_INSIDE_MIN)
      mask_string(job, key);
  }
  return true;
}

enum absorb_status auth_reply_mask(char *body, size_t length, struct mask *mask) {
  struct mask_job job = {body, mask};
  if (length == 0)
    return ABSORB_OK;
  return json_scan(body, length, mask_visit, &job) == JSON_OK ? ABSORB_OK : ABSORB_UNREADABLE;
}

/* ---- absorb ---- */

static void clear_secrets(struct auth_reply *reply) {
  for (size_t i = 0; i < PROFILE_MEMBERS; i++)
    secret_clear(&reply->members[i]);
}

struct absorb_job {
  const struct profile *profile;
  char *body;
  struct auth_reply *reply;
  enum absorb_status status;
  size_t starts[PROFILE_MEMBERS]; /* offsets of the members that were taken */
};

/* Notes what is wrong: three phrases, of which the first two may be empty. */
static enum absorb_status note(struct auth_reply *reply, enum absorb_status status,
                               const char *before, const char *name, const char *after) {
  snprintf(reply->problem, sizeof reply->problem, "%s%.96s%s", before, name, after);
  return status;
}

static enum absorb_status odd(struct auth_reply *reply, const struct member_path *path,
                              const char *what) {
  return note(reply, ABSORB_ODD, "", path->count > 0 ? path->text : "the body", what);
}

/* Checks a credential; an empty one counts as absent. */
static enum absorb_status check_credential(struct auth_reply *reply, const struct member_path *path,
                                           struct secret *secret) {
  enum absorb_status status = ABSORB_OK;
  if (secret->length > MIC_SECRET_MAX)
    status = odd(reply, path, " is longer than 10240 bytes");
  else if (!header_can_carry(secret->bytes, secret->length))
    status = odd(reply, path, " has characters that are not allowed in a header");
  if (status != ABSORB_OK || secret->length == 0)
    secret_clear(secret);
  return status;
}

/* Copies one member. The last of repeated members counts, as decoders do. */
static enum absorb_status take(struct absorb_job *job, const struct member_path *path,
                               const char *text, const struct json_value *value,
                               struct secret *into) {
  bool expires = into == &job->reply->members[MEMBER_EXPIRES];
  bool string = value->kind == JSON_STRING;
  size_t size = value->span.end - value->span.start;
  secret_clear(into);
  if (!string && !(expires && value->kind == JSON_NUMBER))
    return expires || value->kind == JSON_NULL ? ABSORB_OK
                                               : odd(job->reply, path, " is not a string");
  if (!secret_set(into, text + value->span.start, size))
    return ABSORB_NO_MEMORY;
  if (string) {
    into->length = json_unescape(text, value->span, into->bytes);
    secret_wipe(into->bytes + into->length, size - into->length);
  }
  return expires ? ABSORB_OK : check_credential(job->reply, path, into);
}

/* True if the value repeats a container on `path`, so that the member taken from the first one no
   longer counts. */
static bool replaces(const char *text, const struct json_value *value,
                     const struct member_path *path, size_t start) {
  for (size_t count = 1; count < path->count; count++)
    if (json_value_is_at(text, value, path->keys, count) && start < value->span.start)
      return true;
  return false;
}

static bool take_visit(void *context, const char *text, const struct json_value *value) {
  struct absorb_job *job = context;
  for (size_t i = 0; i < PROFILE_MEMBERS; i++) {
    const struct member_path *path = &job->profile->members[i];
    struct secret *target = &job->reply->members[i];
    if (path->count == 0)
      continue;
    if (replaces(text, value, path, job->starts[i]))
      secret_clear(target);
    if (!json_value_is_at(text, value, path->keys, path->count))
      continue;
    enum absorb_status status = take(job, path, text, value, target);
    job->starts[i] = value->span.start;
    /* Continue: the whole text must be scanned before it may be shown. */
    if (status != ABSORB_OK)
      job->status = status;
  }
  return job->status != ABSORB_NO_MEMORY;
}

/* True if the value is in a member of this name, at any depth. */
static bool is_below(const char *text, const struct json_value *value, const char *name) {
  struct json_value member = *value;
  for (unsigned level = 0; level < value->depth; level++) {
    member.keys = value->keys + level;
    member.depth = 1;
    if (json_value_is_at(text, &member, &name, 1))
      return true;
  }
  return false;
}

/* Names of members that hold secrets in the replies of many servers. */
static const char secret_members[][14] = {"id_token", "access_token", "refresh_token",
                                          "accessor", "client_token", "Session",
                                          "secret",   "password"};

static bool is_secret_member(const char *text, const struct json_value *value,
                             const struct profile *profile) {
  for (size_t i = MEMBER_TOKEN; i <= MEMBER_REFRESH_TOKEN; i++) {
    const struct member_path *path = &profile->members[i];
    if (path->count > 0 && is_below(text, value, path->keys[path->count - 1]))
      return true;
  }
  for (size_t i = 0; i < sizeof secret_members / sizeof secret_members[0]; i++)
    if (is_below(text, value, secret_members[i]))
      return true;
  return false;
}

static bool mask_members_visit(void *context, const char *text, const struct json_value *value) {
  struct absorb_job *job = context;
  if (value->kind == JSON_STRING && is_secret_member(text, value, job->profile))
    mask_inside(job->body, value->span);
  return true;
}

void auth_reply_mask_members(const struct profile *profile, char *body, size_t length) {
  struct absorb_job job = {.profile = profile, .body = body};
  if (length > 0)
    json_scan(body, length, mask_members_visit, &job);
}

/* Masks copies of the new secrets. False if out of memory. */
static bool mask_new(char *body, size_t length, const struct auth_reply *reply) {
  struct mask mask;
  mask_init(&mask);
  mask_add(&mask, &reply->members[MEMBER_TOKEN]);
  mask_add(&mask, &reply->members[MEMBER_REFRESH_TOKEN]);
  if (!mask_begin(&mask, length))
    return false;
  auth_reply_mask(body, length, &mask);
  mask_end(&mask);
  return true;
}

static bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The whole body is the token, as text. It is masked as a whole. */
static enum absorb_status absorb_text(const struct profile *profile, char *body, size_t length,
                                      struct auth_reply *reply) {
  struct secret *token = &reply->members[MEMBER_TOKEN];
  size_t start = 0, end = length;
  while (start < end && is_space(body[start]))
    start++;
  while (start < end && is_space(body[end - 1]))
    end--;
  enum absorb_status status = ABSORB_NO_MEMORY;
  if (start == end)
    status =
        note(reply, ABSORB_MISSING, "the response has no body, which must be the token", "", "");
  else if (secret_set(token, body + start, end - start))
    status = check_credential(reply, &profile->members[MEMBER_TOKEN], token);
  memset(body, '*', length);
  return status;
}

static enum absorb_status absorb_json(const struct profile *profile, char *body, size_t length,
                                      struct auth_reply *reply) {
  struct absorb_job job = {profile, body, reply, ABSORB_OK, {0}};
  enum json_status scanned = json_scan(body, length, take_visit, &job);
  if (scanned == JSON_BROKEN || scanned == JSON_TOO_DEEP)
    return note(reply, ABSORB_UNREADABLE, "the response is not valid JSON", "", "");
  if (job.status == ABSORB_OK && reply->members[MEMBER_TOKEN].length == 0)
    job.status = note(reply, ABSORB_MISSING, "the response has no ",
                      profile->members[MEMBER_TOKEN].text, "");
  if (job.status == ABSORB_NO_MEMORY)
    return job.status;
  json_scan(body, length, mask_members_visit, &job);
  return mask_new(body, length, reply) ? job.status : ABSORB_NO_MEMORY;
}

enum absorb_status auth_reply_absorb(const struct profile *profile, char *body, size_t length,
                                     struct auth_reply *reply) {
  enum absorb_status status = profile->members[MEMBER_TOKEN].count == 0
                                  ? absorb_text(profile, body, length, reply)
                                  : absorb_json(profile, body, length, reply);
  if (status == ABSORB_NO_MEMORY)
    note(reply, status, "out of memory", "", "");
  if (status != ABSORB_OK)
    clear_secrets(reply);
  return status;
}

void auth_reply_clear(struct auth_reply *reply) {
  clear_secrets(reply);
  reply->problem[0] = '\0';
}
