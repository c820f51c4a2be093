#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_client.h"
#include "text/header.h"
#include "text/url_path.h"

/* ---- headers ---- */

const char *api_client_call_header_problem(const struct api_client *client, const char *name,
                                           size_t name_length, const char *value,
                                           size_t value_length, bool own) {
  const char *problem = header_problem(name, name_length, value, value_length);
  if (problem == NULL && !own && profile_owns_header(&client->profile, name, name_length))
    problem = "is set by the client; with auth = false you may set it yourself";
  return problem;
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

void api_client_open(struct api_client *client) {
  const struct record *record = &client->credentials.record;
  client->values = (struct login_values){
      .built_in =
          {
              [VALUE_USERNAME] = &client->username,
              [VALUE_PASSWORD] = &client->known.password,
              [VALUE_CLIENT_ID] = &client->client_id,
              [VALUE_CLIENT_SECRET] = &client->client_secret,
              [VALUE_API_KEY] = &client->api_key,
              [VALUE_TOKEN] = &record->token,
              [VALUE_REFRESH_TOKEN] = &record->refresh_token,
              [VALUE_IDENTITY] = &record->identity,
          },
      .own = &client->own,
  };
}

/* Appends the profile's headers that need no login, except those that the caller has set. */
static bool append_open_headers(struct api_client *client, struct exchange *exchange) {
  const struct profile_list *headers = &client->profile.headers;
  bool ok = true;
  for (size_t i = 0; i < headers->count && ok; i++)
    if (!profile_needs_login(&headers->list[i].value) &&
        !header_list_has(exchange->lines, headers->list[i].text))
      ok = profile_append_header(&exchange->lines, &headers->list[i], &client->values);
  return ok;
}

/* Links the shared header lines of calls without credentials. `bare`: without the profile's. */
static bool link_open_lines(struct api_client *client, struct exchange *exchange, bool bare) {
  if (!bare && exchange->lines != NULL) { /* the caller may have set one of the profile's itself */
    if (!append_open_headers(client, exchange))
      return false;
    bare = true;
  }
  struct header_snapshot **shared = bare ? &client->bare_lines : &client->open_lines;
  if (*shared == NULL)
    *shared = header_snapshot_make(&client->profile, &client->values,
                                   client->connections.options.user_agent,
                                   bare ? SNAPSHOT_BARE : SNAPSHOT_OPEN);
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

enum freshness api_client_freshness(const struct api_client *client) {
  enum freshness freshness = credentials_freshness(&client->credentials, &client->clock);
  if (freshness != FRESHNESS_NONE)
    return freshness;
  return login_value_missing(&client->values, client->profile.headers.needs) < 0 ? FRESHNESS_FRESH
                                                                                 : FRESHNESS_NONE;
}

bool api_client_may_send(const struct api_client *client, bool allow_stale,
                         struct failure *failure) {
  if (client->closed) {
    failure_set(failure, FAILURE_CLOSED, NULL, "the client was closed");
    return false;
  }
  switch (api_client_freshness(client)) {
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
  const char *query = client->profile.identity_query;
  exchange->snapshot = credentials_snapshot(credentials, &client->profile, &client->values,
                                            client->connections.options.user_agent);
  if (exchange->snapshot == NULL || !exchange_link_lines(exchange, exchange->snapshot))
    return false;
  const struct secret *identity = &credentials->record.identity;
  return *query == '\0' || identity->length == 0 ||
         url_append_query(&exchange->url_text, query, identity->bytes, identity->length);
}

static void start(struct api_client *client, struct exchange *exchange,
                  const struct url_base *base) {
  enum url_status status = url_parse_again(&exchange->parsed, base, &exchange->url_text);
  if (status == URL_NO_MEMORY)
    exchange_fail_memory(exchange);
  else if (status != URL_OK)
    exchange_fail(exchange, FAILURE_NETWORK, "CURLE_URL_MALFORMAT", "the URL cannot be sent");
  else if (client->engine == NULL)
    connections_start(&client->connections, exchange);
  else
    engine_start(client->engine, &client->connections, exchange);
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

bool api_client_find_places(struct api_client *client) {
  const struct url_base *auth_base = client->auth_base.root != NULL ? &client->auth_base : NULL;
  return auth_place_set(&client->login_place, &client->profile.login, &client->values,
                        &client->base, auth_base, client->auth_url) &&
         auth_place_set(&client->refresh_place, &client->profile.refresh, &client->values,
                        &client->base, auth_base, client->auth_url);
}

/* True if a call is the user's own login or refresh. */
static bool is_request(const struct api_client *client, const struct profile_request *request,
                       const struct auth_place *place, const char *method,
                       const struct api_call *call) {
  return strcmp(request->method, method) == 0 &&
         auth_place_is(place, &client->base, call->url == NULL ? call->path : NULL,
                       call->path_length, call->url);
}

static bool wants_credentials(const struct api_client *client, const char *method,
                              const struct api_call *call) {
  if (goes_elsewhere(call))
    return false;
  if (call->auth != AUTH_BY_PATH)
    return call->auth == AUTH_YES;
  const char *path = path_of(client, call);
  return !profile_is_open(&client->profile, path, strlen(path)) &&
         !is_request(client, &client->profile.login, &client->login_place, method, call) &&
         !is_request(client, &client->profile.refresh, &client->refresh_place, method, call);
}

static bool set_target(struct api_client *client, struct exchange *exchange,
                       const struct api_call *call) {
  if (call->url == NULL)
    return url_join(&client->base, call->path, call->path_length, &exchange->url_text);
  if (buffer_append(&exchange->url_text, call->url, strlen(call->url) + 1) != BUFFER_OK)
    return false;
  exchange->url_text.length--;
  /* A redirect repeats the query that it received. Ours is appended again, and never shown. */
  if (client->profile.identity_query[0] != '\0' && !goes_elsewhere(call))
    url_drop_query(&exchange->url_text, client->profile.identity_query);
  return true;
}

bool api_client_is_ready(const struct api_client *client, const char *method,
                         const struct api_call *call) {
  struct failure failure;
  return !client->closed && (!wants_credentials(client, method, call) ||
                             api_client_may_send(client, call->allow_stale, &failure));
}

void api_client_request(struct api_client *client, struct exchange *exchange,
                        const struct api_call *call) {
  if (!set_defaults(client, exchange))
    return;
  bool auth = wants_credentials(client, exchange->method, call);
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
    ok = link_open_lines(client, exchange, call->bare || goes_elsewhere(call));
  if (ok)
    start(client, exchange, goes_elsewhere(call) ? NULL : &client->base);
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

static bool fail_missing(struct exchange *exchange, const char *before, const char *what,
                         const char *after) {
  char message[160];
  snprintf(message, sizeof message, "%s%.64s%s", before, what, after);
  exchange_fail(exchange, FAILURE_MISSING, NULL, message);
  return false;
}

/* Fills a template, and fails the exchange if that is not possible. */
static enum template_status fill(struct exchange *exchange, const struct template *template,
                                 const struct login_values *values, struct buffer *to) {
  unsigned value = 0;
  enum template_status status = template_fill(template, values, to, &value);
  if (status == TEMPLATE_UNFIT)
    fail_missing(exchange, "{", login_value_name(values->own, value),
                 "} has a value that is not allowed at its position in the profile");
  else if (status == TEMPLATE_NO_MEMORY)
    exchange_fail_memory(exchange);
  return status;
}

static bool add_auth_headers(struct exchange *exchange, const struct profile_list *headers,
                             const struct login_values *values) {
  struct buffer text;
  bool ok = true;
  for (size_t i = 0; i < headers->count && ok; i++) {
    const struct profile_item *header = &headers->list[i];
    buffer_init(&text, 16 * MIC_SECRET_MAX, true);
    enum template_status status = fill(exchange, &header->value, values, &text);
    ok = status == TEMPLATE_LEFT_OUT || status == TEMPLATE_FILLED;
    if (status == TEMPLATE_FILLED && !header_append(&exchange->lines, header->text,
                                                    strlen(header->text), text.data, text.length)) {
      exchange_fail_memory(exchange);
      ok = false;
    }
    buffer_free(&text);
  }
  return ok;
}

static bool add_auth_lines(struct api_client *client, struct exchange *exchange,
                           const struct profile_request *request) {
  struct curl_slist **lines = &exchange->lines;
  const char *type = request->body.kind == TEMPLATE_JSON
                         ? "Content-Type: application/json"
                         : "Content-Type: application/x-www-form-urlencoded";
  if (!request->has_body)
    type = "Content-Type:"; /* libcurl would add one */
  return (header_list_has(*lines, "Accept") ||
          header_append_line(lines, "Accept: application/json")) &&
         (header_list_has(*lines, "Content-Type") || header_append_line(lines, type)) &&
         link_open_lines(client, exchange, true);
}

static const struct url_base *auth_base(const struct api_client *client) {
  return client->auth_base.root != NULL ? &client->auth_base : &client->base;
}

/* The path "/" stands for the auth URL as it is written. A query may hold secrets, so it is never
   shown. */
static bool set_auth_target(const struct api_client *client, struct exchange *exchange,
                            bool at_root, const struct buffer *path) {
  struct buffer *url = &exchange->url_text;
  bool as_written = at_root && client->auth_url != NULL;
  buffer_append_text(url, as_written ? client->auth_url : auth_base(client)->root);
  buffer_append(url, path->data + as_written, path->length - as_written);
  buffer_append(url, "", 1);
  if (url->failed)
    return false;
  url->length--;
  exchange->shown_url_length = strcspn(url->data, "?");
  exchange->direct = auth_base(client)->cleartext_loopback;
  return true;
}

/* Sends a login or refresh. None of the profile's headers of calls goes with it. */
static void start_auth(struct api_client *client, struct exchange *exchange,
                       const struct profile_request *request, const struct login_values *values) {
  struct buffer path;
  buffer_init(&path, MIC_HEADER_BLOCK_MAX, true);
  memcpy(exchange->method, request->method, sizeof request->method);
  bool ok = fill(exchange, &request->target, values, &path) == TEMPLATE_FILLED;
  /* A value and the text around it may be a segment ".." together. */
  if (ok && url_path_problem(path.data, path.length) != NULL)
    ok = fail_missing(exchange, "a value changes the path in the profile", "", "");
  ok = ok && fill(exchange, &request->body, values, &exchange->secret_body) == TEMPLATE_FILLED &&
       add_auth_headers(exchange, &request->headers, values);
  exchange->body = exchange->secret_body.data;
  exchange->body_length = exchange->secret_body.length;
  exchange->has_body = request->has_body;
  exchange->max_size = MIC_AUTH_REPLY_MAX; /* max_response_size must not affect logins */
  if (ok && set_auth_target(client, exchange, request->at_root, &path) &&
      add_auth_lines(client, exchange, request))
    start(client, exchange, auth_base(client));
  else if (ok)
    exchange_fail_memory(exchange);
  buffer_free(&path);
}

static struct login_values values_with(const struct api_client *client,
                                       const struct secret *username,
                                       const struct secret *password) {
  struct login_values values = client->values;
  values.built_in[VALUE_USERNAME] = username;
  values.built_in[VALUE_PASSWORD] = password;
  return values;
}

static const char *lacks(const struct profile_request *request, const struct login_values *values) {
  if (request->method[0] == '\0')
    return "";
  int missing = profile_request_missing(request, values);
  return missing < 0 ? NULL : login_value_name(values->own, (unsigned)missing);
}

const char *api_client_lacks(const struct api_client *client, const struct profile_request *request,
                             const struct secret *username, const struct secret *password) {
  struct login_values values = values_with(client, username, password);
  return lacks(request, &values);
}

static bool copy_if_set(struct secret *to, const struct secret *from) {
  return from->bytes == NULL || secret_set(to, from->bytes, from->length);
}

void api_client_authenticate(struct api_client *client, struct exchange *exchange,
                             const struct secret *username, const struct secret *password) {
  const struct record *record = &client->credentials.record;
  bool login = exchange->kind == EXCHANGE_LOGIN, ok = false;
  struct login_values values = values_with(client, username, password);
  const struct profile_request *request = login ? &client->profile.login : &client->profile.refresh;
  const char *name = lacks(request, &values);
  if (!set_defaults(client, exchange))
    return;
  if (name != NULL && *name == '\0')
    fail_missing(exchange, "this API has no ", login ? "login" : "refresh", "");
  else if (name != NULL && !login && record->token.length == 0)
    fail_missing(exchange, "not logged in", "", "");
  else if (name != NULL)
    fail_missing(exchange, "there is no ",
                 name == login_value_name(NULL, VALUE_REFRESH_TOKEN) ? "refresh token" : name, "");
  if (name != NULL)
    return;
  if (login)
    ok = copy_if_set(&exchange->sent_secret, password) &&
         (password->bytes == NULL ||
          known_secrets_sent(&client->known, password->bytes, password->length));
  else
    ok = copy_if_set(&exchange->sent_secret, &record->refresh_token) &&
         record_copy(&exchange->record, record);
  if (ok)
    start_auth(client, exchange, request, &values);
  else
    exchange_fail_memory(exchange);
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
  secret_clear(&client->client_id);
  secret_clear(&client->client_secret);
  secret_clear(&client->username);
  own_values_clear(&client->own);
  auth_place_clear(&client->login_place);
  auth_place_clear(&client->refresh_place);
  known_secrets_clear(&client->known);
}

void api_client_free(struct api_client *client) {
  api_client_close(client);
  profile_clear(&client->profile);
  url_base_clear(&client->base);
  url_base_clear(&client->auth_base);
  free(client->auth_url);
  client->auth_url = NULL;
}
