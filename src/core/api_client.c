#include "base.h"

#include <stdio.h>
#include <string.h>

#include "api_client.h"
#include "credentials/auth_reply.h"
#include "text/header.h"
#include "transfer/tls_failure.h"

/* ---- headers ---- */

/* Headers that frame a message, that are hop-by-hop (RFC 9110, 7.6.1), or that make libcurl or the
   server wait or switch protocols. Some servers treat "_" as "-". */
static bool is_framing(const char *name, size_t length) {
  static const char names[][24] = {
      "Host",    "Content-Length", "Transfer-Encoding", "Connection",          "Keep-Alive",
      "Upgrade", "HTTP2-Settings", "Proxy-Connection",  "Proxy-Authorization", "TE",
      "Trailer", "Expect"};
  char spelt[24];
  if (length >= sizeof spelt)
    return false;
  for (size_t i = 0; i < length; i++)
    spelt[i] = name[i] == '_' ? '-' : name[i];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (header_name_is(spelt, length, names[i]))
      return true;
  return false;
}

const char *api_client_header_problem(const struct api_profile *profile, const char *name,
                                      size_t name_length, const char *value, size_t value_length,
                                      bool own) {
  const char *problem = header_name_problem(name, name_length);
  if (problem == NULL)
    problem = header_value_problem(value, value_length);
  if (problem != NULL)
    return problem;
  if (is_framing(name, name_length))
    return "belongs to the connection and cannot be set";
  if (!own && profile_owns_header(profile, name, name_length))
    return "is set by the client; with auth = false you may set it yourself";
  return NULL;
}

/* "Name:" removes a header that libcurl would add. A download from another origin requests no
   compression: no small body may expand. */
static bool complete_lines(struct exchange *exchange, bool elsewhere) {
  if (elsewhere && exchange->download.path != NULL &&
      !header_list_has(exchange->lines, "Accept-Encoding") &&
      !header_append_line(&exchange->lines, "Accept-Encoding: identity"))
    return false;
  bool plain = !exchange->has_body && strcmp(exchange->method, "GET") == 0;
  if (plain || header_list_has(exchange->lines, "Content-Type"))
    return true;
  return header_append_line(&exchange->lines, "Content-Type:");
}

/* Links the shared header lines of calls without credentials. */
static bool link_open_lines(struct api_client *client, struct exchange *exchange, bool api_key) {
  struct header_snapshot **shared = api_key ? &client->open_lines : &client->bare_lines;
  if (*shared == NULL)
    *shared = header_snapshot_make(NULL, client->profile, client->connections.options.user_agent,
                                   api_key ? &client->api_key : NULL, false);
  if (*shared == NULL)
    return false;
  (*shared)->references++;
  exchange->open = *shared;
  return exchange_link_lines(exchange, *shared);
}

/* ---- send ---- */

static bool set_defaults(struct api_client *client, struct exchange *exchange) {
  exchange->number = ++client->exchanges;
  exchange->generation = client->credentials.generation;
  if (exchange->timeout <= 0.0 && exchange->idle.limit <= 0.0)
    exchange->timeout = client->timeout;
  if (exchange->connect_timeout <= 0.0)
    exchange->connect_timeout = client->connect_timeout;
  if (exchange->max_file_size == 0)
    exchange->max_file_size = client->max_size;
  exchange->max_size = client->max_response_size;
  if (!client->closed)
    return true;
  exchange_fail(exchange, FAILURE_CLOSED, NULL, "the client was closed");
  return false;
}

bool api_client_may_send(const struct api_client *client, bool allow_stale,
                         struct failure *failure) {
  if (client->closed) {
    failure_set(failure, FAILURE_CLOSED, NULL, "the client was closed");
    return false;
  }
  switch (credentials_freshness(&client->credentials, &client->clock)) {
  case FRESHNESS_NONE:
    failure_set(failure, FAILURE_MISSING, NULL, "not logged in");
    return false;
  case FRESHNESS_MANDATORY:
    if (allow_stale)
      return true;
    failure_set(failure, FAILURE_STALE, NULL, "the token is about to expire");
    return false;
  case FRESHNESS_EXPIRED:
    failure_set(failure, FAILURE_STALE, NULL, "the token has expired");
    return false;
  case FRESHNESS_STALE:
    failure_set(failure, FAILURE_STALE, NULL, "the API refused the token");
    return false;
  case FRESHNESS_FRESH:
  case FRESHNESS_ADVISORY:
    break;
  }
  return true;
}

static bool attach_credentials(struct api_client *client, struct exchange *exchange) {
  struct credentials *credentials = &client->credentials;
  exchange->snapshot =
      credentials_snapshot(credentials, client->profile, client->connections.options.user_agent,
                           &client->api_key, client->identity == IDENTITY_IN_HEADER);
  if (exchange->snapshot == NULL || !exchange_link_lines(exchange, exchange->snapshot))
    return false;
  const struct secret *identity = &credentials->record.identity;
  if (client->identity != IDENTITY_IN_QUERY || identity->length == 0)
    return true;
  return url_append_query(&exchange->url_text, client->profile->identity_query, identity->bytes,
                          identity->length);
}

static void start(struct api_client *client, struct exchange *exchange, bool elsewhere) {
  enum url_status status =
      url_parse_again(&exchange->parsed, elsewhere ? NULL : &client->base, &exchange->url_text);
  if (status == URL_NO_MEMORY)
    exchange_fail_memory(exchange);
  else if (status != URL_OK)
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_URL_MALFORMAT", "the URL cannot be sent");
  else if (client->engine != NULL)
    engine_start(client->engine, &client->connections, exchange);
  else
    connections_start(&client->connections, exchange);
}

/* The path below the base URL, also of a URL; "" for a URL elsewhere on the origin. */
static const char *path_of(const struct api_client *client, const struct api_call *call) {
  if (call->url == NULL)
    return call->path;
  size_t length = strlen(client->base.root);
  return strncmp(call->url, client->base.root, length) == 0 ? call->url + length : "";
}

static bool goes_elsewhere(const struct api_call *call) {
  return call->url != NULL && !call->url_facts.same_origin;
}

static bool wants_credentials(const struct api_client *client, const struct api_call *call) {
  if (goes_elsewhere(call))
    return false;
  if (call->auth != AUTH_BY_PATH)
    return call->auth == AUTH_YES;
  const char *path = path_of(client, call);
  return !profile_is_open(client->profile, path, strlen(path));
}

static bool set_target(struct api_client *client, struct exchange *exchange,
                       const struct api_call *call) {
  if (call->url == NULL)
    return url_join(&client->base, call->path, call->path_length, &exchange->url_text);
  if (buffer_append(&exchange->url_text, call->url, strlen(call->url) + 1) != BUFFER_OK)
    return false;
  exchange->url_text.length--;
  /* A redirect repeats the query that it received. Ours is appended again, and never shown. */
  if (client->identity == IDENTITY_IN_QUERY && !goes_elsewhere(call))
    url_drop_query(&exchange->url_text, client->profile->identity_query);
  return true;
}

bool api_client_is_ready(const struct api_client *client, const struct api_call *call) {
  struct failure failure;
  return !client->closed && (!wants_credentials(client, call) ||
                             api_client_may_send(client, call->allow_stale, &failure));
}

void api_client_request(struct api_client *client, struct exchange *exchange,
                        const struct api_call *call) {
  if (!set_defaults(client, exchange))
    return;
  bool auth = wants_credentials(client, call);
  if (auth && !api_client_may_send(client, call->allow_stale, &exchange->failure)) {
    exchange->state = EXCHANGE_DONE;
    return;
  }
  exchange->direct =
      call->url != NULL ? call->url_facts.cleartext_loopback : client->base.cleartext_loopback;
  /* Through a proxy, the proxy itself is the peer. */
  exchange->guarded = call->guarded && !connection_options_may_proxy(&client->connections.options);
  bool ok = complete_lines(exchange, goes_elsewhere(call)) && set_target(client, exchange, call);
  exchange->shown_url_length = exchange->url_text.length;
  if (ok && auth)
    ok = attach_credentials(client, exchange);
  else if (ok)
    ok = link_open_lines(client, exchange, !call->no_api_key && !goes_elsewhere(call));
  if (ok)
    start(client, exchange, goes_elsewhere(call));
  else
    exchange_fail_memory(exchange);
}

void api_client_wait(struct api_client *client, struct exchange *exchange, double seconds,
                     bool (*interrupted)(void *context), void *context) {
  if (client->engine == NULL) {
    connections_drive(&client->connections, exchange, seconds, interrupted, context);
    return;
  }
  engine_wait(client->engine, &client->connections, exchange, seconds, interrupted, context);
  if (exchange != NULL)
    engine_sync(exchange);
}

void api_client_cancel(struct exchange *exchange, enum failure_kind kind, const char *message) {
  if (exchange->job != NULL)
    engine_cancel(exchange, kind, message);
  else
    connections_cancel(exchange, kind, message);
}

/* ---- login and refresh ---- */

static bool append_member(struct buffer *body, const char *before, const char *name,
                          const char *value, size_t length) {
  return buffer_append_text(body, before) == BUFFER_OK &&
         buffer_append_text(body, name) == BUFFER_OK &&
         buffer_append_text(body, "\":\"") == BUFFER_OK &&
         buffer_append_json(body, value, length) == BUFFER_OK &&
         buffer_append_text(body, "\"") == BUFFER_OK;
}

static void start_auth(struct api_client *client, struct exchange *exchange, const char *path) {
  snprintf(exchange->method, sizeof exchange->method, "POST");
  exchange->body = exchange->secret_body.data;
  exchange->body_length = exchange->secret_body.length;
  exchange->has_body = true;
  exchange->max_size = MIC_AUTH_REPLY_MAX; /* max_response_size must not affect logins */
  exchange->direct = client->base.cleartext_loopback;
  bool ok = header_append_line(&exchange->lines, "Content-Type: application/json") &&
            link_open_lines(client, exchange, true) &&
            url_join(&client->base, path, strlen(path), &exchange->url_text);
  exchange->shown_url_length = exchange->url_text.length;
  if (ok)
    start(client, exchange, false);
  else
    exchange_fail_memory(exchange);
}

void api_client_login(struct api_client *client, struct exchange *exchange, const char *username,
                      size_t username_length, const char *password, size_t password_length) {
  const struct api_profile *profile = client->profile;
  struct buffer *body = &exchange->secret_body;
  if (!set_defaults(client, exchange))
    return;
  if (append_member(body, "{\"", profile->username_field, username, username_length) &&
      append_member(body, ",\"", profile->password_field, password, password_length) &&
      buffer_append_text(body, "}") == BUFFER_OK &&
      secret_set(&exchange->sent_secret, password, password_length) &&
      known_secrets_sent(&client->known, password, password_length))
    start_auth(client, exchange, profile->login_path);
  else
    exchange_fail_memory(exchange);
}

void api_client_refresh(struct api_client *client, struct exchange *exchange) {
  const struct api_profile *profile = client->profile;
  const struct secret *refresh_token = &client->credentials.record.refresh_token;
  struct buffer *body = &exchange->secret_body;
  if (!set_defaults(client, exchange))
    return;
  if (refresh_token->length == 0) {
    exchange_fail(exchange, FAILURE_MISSING, NULL,
                  client->credentials.record.token.length == 0 ? "not logged in"
                                                               : "there is no refresh token");
    return;
  }
  if (append_member(body, "{\"", profile->refresh_field, refresh_token->bytes,
                    refresh_token->length) &&
      buffer_append_text(body, "}") == BUFFER_OK &&
      secret_set(&exchange->sent_secret, refresh_token->bytes, refresh_token->length) &&
      record_copy(&exchange->record, &client->credentials.record))
    start_auth(client, exchange, profile->refresh_path);
  else
    exchange_fail_memory(exchange);
}

/* ---- replies ---- */

static void learn_clock(struct api_client *client, const struct exchange *exchange) {
  size_t offset = 0;
  struct header_field field;
  while (header_next(exchange->head.data, exchange->head.length, &offset, &field)) {
    if (header_name_is(field.name, field.name_length, "Date")) {
      clock_learn(&client->clock, field.value, field.value_length);
      return;
    }
  }
}

/* Merges the reply into the record. Members that the reply lacks stay. */
static bool merge_record(struct api_client *client, struct exchange *exchange,
                         struct auth_reply *reply) {
  struct record *record = &exchange->record;
  secret_move(&record->token, &reply->token);
  if (reply->identity.length > 0)
    secret_move(&record->identity, &reply->identity);
  if (reply->refresh_token.length > 0)
    secret_move(&record->refresh_token, &reply->refresh_token);
  if (record->identity.length == 0 && client->identity != IDENTITY_NOWHERE) {
    snprintf(exchange->problem, sizeof exchange->problem, "the reply has no %s.%s",
             client->profile->identity.keys[0], client->profile->identity.keys[1]);
    return false;
  }
  if (!secret_set(&record->root, client->base.root, strlen(client->base.root))) {
    snprintf(exchange->problem, sizeof exchange->problem, "out of memory");
    exchange->no_memory = true;
    return false;
  }
  record->generation = 0.0;
  record_date(record, &client->clock, true);
  return true;
}

static void absorb_success(struct api_client *client, struct exchange *exchange) {
  struct auth_reply reply = {0};
  enum absorb_status status = auth_reply_absorb(client->profile, exchange->reply_body.data,
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

void api_client_absorb(struct api_client *client, struct exchange *exchange) {
  tls_failure_explain(&client->connections.options, &exchange->failure);
  if (exchange->failure.kind != FAILURE_NONE || exchange->head.length == 0)
    return;
  /* Only for replies of the API: the Date of another origin says nothing about its tokens. */
  if (exchange->kind != EXCHANGE_REQUEST ||
      (exchange->snapshot != NULL && !client->clock.server_known))
    learn_clock(client, exchange);
  if (exchange->kind == EXCHANGE_REQUEST || exchange->secret_body.length == 0)
    return;
  if (client->closed) { /* the credentials would have no user */
    exchange_fail(exchange, FAILURE_CLOSED, NULL, "the client was closed");
    return;
  }
  buffer_free(&exchange->secret_body); /* also marks the reply as processed */
  if (exchange->status >= 200 && exchange->status < 300)
    absorb_success(client, exchange);
  mask_reply(client, exchange);
  if (exchange->absorbed)
    return; /* the credentials are valid even if the reply cannot be shown */
  record_clear(&exchange->record);
  if (exchange->no_memory)
    exchange_fail_memory(exchange);
}

enum answer_meaning api_client_meaning(const struct api_client *client,
                                       const struct exchange *exchange) {
  return profile_meaning(client->profile, exchange->kind != EXCHANGE_REQUEST, exchange->status,
                         exchange->reply_body.data, exchange->reply_body.length);
}

void api_client_close(struct api_client *client) {
  client->closed = true;
  if (client->engine != NULL)
    engine_cancel_all(client->engine, &client->connections);
  connections_close(&client->connections);
  connection_options_clear(&client->connections.options);
  credentials_clear(&client->credentials);
  header_snapshot_release(client->open_lines);
  client->open_lines = NULL;
  header_snapshot_release(client->bare_lines);
  client->bare_lines = NULL;
  secret_clear(&client->api_key);
  known_secrets_clear(&client->known);
}

void api_client_free(struct api_client *client) {
  api_client_close(client);
  url_base_clear(&client->base);
}
