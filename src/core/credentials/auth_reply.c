#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
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

struct absorb_job {
  const struct api_profile *profile;
  char *body;
  struct auth_reply *reply;
  enum absorb_status status;
  size_t starts[3]; /* offsets of the members that were taken */
};

static const char *last_key(const struct member_path *path) {
  return path->keys[path->count - 1];
}

static enum absorb_status odd(struct auth_reply *reply, const struct member_path *path,
                              const char *what) {
  snprintf(reply->problem, sizeof reply->problem, "%s.%s %s", path->keys[0], last_key(path), what);
  return ABSORB_ODD;
}

/* Copies one member. The last of repeated members counts, as decoders do. */
static enum absorb_status take(struct absorb_job *job, const struct member_path *path,
                               const char *text, const struct json_value *value,
                               struct secret *into) {
  secret_clear(into);
  if (value->kind == JSON_NULL)
    return ABSORB_OK;
  if (value->kind != JSON_STRING)
    return odd(job->reply, path, "is not a string");
  size_t length = json_unescape(text, value->span, NULL);
  if (length == 0)
    return ABSORB_OK;
  if (length > MIC_SECRET_MAX)
    return odd(job->reply, path, "is longer than the 10240 bytes that a request can carry");
  size_t room = value->span.end - value->span.start; /* the most that json_unescape needs */
  char *bytes = malloc(room);
  if (bytes == NULL)
    return ABSORB_NO_MEMORY;
  json_unescape(text, value->span, bytes);
  enum absorb_status status = ABSORB_OK;
  if (!header_can_carry(bytes, length))
    status = odd(job->reply, path, "has characters that no header can carry");
  else if (!secret_set(into, bytes, length))
    status = ABSORB_NO_MEMORY;
  secret_wipe(bytes, room);
  free(bytes);
  return status;
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
  const struct member_path *paths[] = {&job->profile->identity, &job->profile->token,
                                       &job->profile->refresh_token};
  struct secret *targets[] = {&job->reply->identity, &job->reply->token,
                              &job->reply->refresh_token};
  for (size_t i = 0; i < 3; i++) {
    if (replaces(text, value, paths[i], job->starts[i]))
      secret_clear(targets[i]);
    if (!json_value_is_at(text, value, paths[i]->keys, paths[i]->count))
      continue;
    enum absorb_status status = take(job, paths[i], text, value, targets[i]);
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

static bool mask_members_visit(void *context, const char *text, const struct json_value *value) {
  struct absorb_job *job = context;
  if (value->kind == JSON_STRING && (is_below(text, value, last_key(&job->profile->token)) ||
                                     is_below(text, value, last_key(&job->profile->refresh_token))))
    mask_inside(job->body, value->span);
  return true;
}

/* Masks copies of the new secrets. False if out of memory. */
static bool mask_new(char *body, size_t length, const struct auth_reply *reply) {
  struct mask mask;
  mask_init(&mask);
  mask_add(&mask, &reply->token);
  mask_add(&mask, &reply->refresh_token);
  if (!mask_begin(&mask, length))
    return false;
  auth_reply_mask(body, length, &mask);
  mask_end(&mask);
  return true;
}

enum absorb_status auth_reply_absorb(const struct api_profile *profile, char *body, size_t length,
                                     struct auth_reply *reply) {
  struct absorb_job job = {profile, body, reply, ABSORB_OK, {0}};
  enum json_status scanned = json_scan(body, length, take_visit, &job);
  if (scanned == JSON_BROKEN || scanned == JSON_TOO_DEEP) {
    job.status = ABSORB_UNREADABLE;
    snprintf(reply->problem, sizeof reply->problem, "the reply is not readable JSON");
  }
  if (job.status == ABSORB_OK && reply->token.length == 0) {
    job.status = ABSORB_MISSING;
    snprintf(reply->problem, sizeof reply->problem, "the reply has no %s.%s",
             profile->token.keys[0], last_key(&profile->token));
  }
  if (job.status != ABSORB_UNREADABLE && job.status != ABSORB_NO_MEMORY) {
    json_scan(body, length, mask_members_visit, &job);
    if (!mask_new(body, length, reply))
      job.status = ABSORB_NO_MEMORY;
  }
  if (job.status == ABSORB_NO_MEMORY)
    snprintf(reply->problem, sizeof reply->problem, "out of memory");
  if (job.status != ABSORB_OK) {
    secret_clear(&reply->identity);
    secret_clear(&reply->token);
    secret_clear(&reply->refresh_token);
  }
  return job.status;
}

void auth_reply_clear(struct auth_reply *reply) {
  secret_clear(&reply->identity);
  secret_clear(&reply->token);
  secret_clear(&reply->refresh_token);
  reply->problem[0] = '\0';
}
