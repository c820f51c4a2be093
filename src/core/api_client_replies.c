#include "base.h"

#include <stdio.h>
#include <string.h>

#include "api_client.h"
#include "credentials/auth_reply.h"
#include "text/header.h"
#include "transfer/tls_failure.h"

static void learn_clock(struct api_client *client, const struct exchange *exchange) {
  size_t offset = 0;
  struct header_field field;
  if (header_next_named(exchange->head.data, exchange->head.length, "Date", &offset, &field))
    clock_learn(&client->clock, field.value, field.value_length);
}

static bool set_text(struct secret *secret, const char *text) {
  return secret_set(secret, text, strlen(text));
}

/* Merges the reply into the record. Members that the reply lacks stay. */
static bool merge_record(struct api_client *client, struct exchange *exchange,
                         struct auth_reply *reply) {
  struct record *record = &exchange->record;
  const struct profile *profile = &client->profile;
  const struct secret *expires = &reply->members[MEMBER_EXPIRES];
  secret_move(&record->token, &reply->members[MEMBER_TOKEN]);
  if (reply->members[MEMBER_IDENTITY].length > 0)
    secret_move(&record->identity, &reply->members[MEMBER_IDENTITY]);
  if (reply->members[MEMBER_REFRESH_TOKEN].length > 0)
    secret_move(&record->refresh_token, &reply->members[MEMBER_REFRESH_TOKEN]);
  if (record->identity.length == 0 && profile_needs_identity(profile)) {
    const struct member_path *path = &profile->members[MEMBER_IDENTITY];
    snprintf(exchange->problem, sizeof exchange->problem, "the response has no %.96s",
             path->count > 0 ? path->text : "identity");
    return false;
  }
  if (!api_client_mark_record(client, record)) {
    snprintf(exchange->problem, sizeof exchange->problem, "out of memory");
    exchange->no_memory = true;
    return false;
  }
  double left = token_time_left(expires->bytes, expires->length, profile->expires_as,
                                clock_wall(&client->clock));
  record_date(record, &client->clock, profile, true, left);
  return true;
}

/* The profile's name in records. That of the default is empty, as in version 0.1. */
static const char *name_in_records(const struct profile *profile) {
  return profile->is_default ? "" : profile->name;
}

bool api_client_mark_record(const struct api_client *client, struct record *record) {
  const char *name = name_in_records(&client->profile);
  secret_clear(&record->profile);
  return set_text(&record->root, client->base.root) &&
         (*name == '\0' || set_text(&record->profile, name));
}

static bool holds(const struct secret *secret, const char *text) {
  return secret->length == strlen(text) &&
         (secret->length == 0 || memcmp(secret->bytes, text, secret->length) == 0);
}

bool api_client_made_record(const struct api_client *client, const struct record *record) {
  return holds(&record->root, client->base.root) &&
         holds(&record->profile, name_in_records(&client->profile));
}

static void absorb_success(struct api_client *client, struct exchange *exchange) {
  struct auth_reply reply = {0};
  enum absorb_status status = auth_reply_absorb(&client->profile, exchange->reply_body.data,
                                                exchange->reply_body.length, &reply);
  exchange->show_body = status != ABSORB_UNREADABLE && status != ABSORB_NO_MEMORY;
  snprintf(exchange->problem, sizeof exchange->problem, "%s", reply.problem);
  exchange->no_memory = status == ABSORB_NO_MEMORY;
  if (status == ABSORB_OK)
    exchange->absorbed = merge_record(client, exchange, &reply);
  auth_reply_clear(&reply);
}

void api_client_secrets(const struct api_client *client, bool identity, struct mask *mask) {
  known_secrets_add_record(&client->credentials.record, identity, mask);
  known_secrets_add_record(&client->credentials.before, identity, mask);
  mask_add(mask, &client->api_key);
  mask_add(mask, &client->client_secret);
  for (size_t i = 0; i < client->own.count; i++)
    if (client->own.list[i].is_secret)
      mask_add(mask, &client->own.list[i].text);
  known_secrets_add(&client->known, mask);
}

/* Masks secrets that the reply echoes in its head and body. */
static void mask_reply(const struct api_client *client, struct exchange *exchange) {
  struct buffer *head = &exchange->head, *body = &exchange->reply_body;
  struct mask mask;
  mask_init(&mask);
  api_client_secrets(client, !exchange->absorbed, &mask);
  mask_add(&mask, &exchange->sent_secret);
  known_secrets_add_record(&exchange->record, false, &mask);
  if (!mask_begin(&mask, head->length > body->length ? head->length : body->length)) {
    exchange->show_body = false;
    exchange->no_memory = true;
    buffer_clear(head, head->capacity);
    return;
  }
  mask_overwrite(&mask, head->data, head->length);
  if (auth_reply_mask(body->data, body->length, &mask) != ABSORB_OK)
    exchange->show_body = false;
  mask_end(&mask);
}

enum { MASK_SLACK = 64 }; /* bytes read beyond the limit, so that no escape is cut there */

ptrdiff_t api_client_mask(const struct api_client *client, const struct record *other,
                          const char *text, size_t length, size_t limit, char *out) {
  size_t seen = length > limit + MASK_SLACK ? limit + MASK_SLACK : length;
  bool cut = seen < length, found = false;
  size_t written = 0, copied = 0, at = 0, start, end;
  struct mask mask;
  mask_init(&mask);
  api_client_secrets(client, true, &mask);
  if (other != NULL)
    known_secrets_add_record(other, true, &mask);
  if (cut || seen >= mask.shortest) {
    if (!mask_begin(&mask, seen))
      return -1;
    found = mask_find(&mask, text, seen, cut);
  }
  while (found && mask_next(&mask, &at, &start, &end) && start < limit) {
    memcpy(out + written, text + copied, start - copied);
    written += start - copied;
    memset(out + written, '*', 3);
    written += 3;
    copied = end;
  }
  mask_end(&mask);
  if (copied < limit) {
    memcpy(out + written, text + copied, limit - copied);
    written += limit - copied;
  }
  return (ptrdiff_t)written;
}

static struct profile_answer answer_of(const struct exchange *exchange) {
  return (struct profile_answer){
      .status = exchange->status,
      .body = exchange->reply_body.data,
      .body_length = exchange->reply_body.length,
      .head = exchange->head.data,
      .head_length = exchange->head.length,
  };
}

/* Before the reply is masked. */
static bool is_refusal(const struct api_client *client, const struct exchange *exchange) {
  const struct profile_answer answer = answer_of(exchange);
  return profile_auth_meaning(&client->profile, exchange->kind == EXCHANGE_REFRESH, &answer) ==
         ANSWER_REFUSED;
}

void api_client_absorb(struct api_client *client, struct exchange *exchange) {
  tls_failure_explain(&client->connections.options, &exchange->failure);
  if (exchange->failure.kind != FAILURE_NONE || exchange->head.length == 0)
    return;
  /* Only for replies of the API: the Date of another origin says nothing about its tokens. */
  if (exchange->kind != EXCHANGE_REQUEST ||
      (exchange->snapshot != NULL && !client->clock.server_known))
    learn_clock(client, exchange);
  if (exchange->kind == EXCHANGE_REQUEST || exchange->read)
    return;
  if (client->closed) { /* the credentials would have no user */
    exchange_fail(exchange, FAILURE_CLOSED, NULL, "the client was closed");
    return;
  }
  exchange->read = true;
  exchange->refused = is_refusal(client, exchange);
  buffer_free(&exchange->secret_body);
  if (exchange->status >= 200 && exchange->status < 300)
    absorb_success(client, exchange);
  else if (!client->profile.is_default)
    auth_reply_mask_members(&client->profile, exchange->reply_body.data,
                            exchange->reply_body.length);
  mask_reply(client, exchange);
  if (exchange->absorbed)
    return; /* the credentials are valid even if the reply cannot be shown */
  record_clear(&exchange->record);
  if (exchange->no_memory)
    exchange_fail_memory(exchange);
}

enum answer_meaning api_client_meaning(const struct api_client *client,
                                       const struct exchange *exchange) {
  const struct profile *profile = &client->profile;
  if (exchange->kind != EXCHANGE_REQUEST)
    return exchange->refused ? ANSWER_REFUSED : ANSWER_PLAIN;
  /* Calls without what a login brings: there is nothing to renew. */
  if ((profile->headers.uses & (VALUE_BIT(VALUE_TOKEN) | VALUE_BIT(VALUE_IDENTITY))) == 0 &&
      profile->identity_query[0] == '\0')
    return ANSWER_PLAIN;
  const struct profile_answer answer = answer_of(exchange);
  return profile_meaning(profile, &answer);
}
