#include "../core/base.h"

#include <stdio.h>
#include <string.h>

#include "../core/text/url.h"
#include "exchange.h"
#include "packed_answer.h"
#include "record.h"

static const char TYPE[] = "mic.exchange";

struct exchange_box *exchangeL_push(lua_State *L, struct api_client *client,
                                    enum exchange_kind kind) {
  struct exchange_box *box = argumentsL_new_block(L, sizeof *box);
  exchange_init(&box->exchange, kind);
  box->client = client;
  argumentsL_set_type(L, TYPE);
  return box;
}

struct exchange_box *exchangeL_renew(lua_State *L, int index, struct api_client *client) {
  struct exchange_box *box = lua_touserdata(L, index);
  box->exchange.state = EXCHANGE_NEW; /* reading the result has cleared the rest */
  box->client = client;
  box->taken = false;
  return box;
}

bool exchange_is_free(const struct exchange_box *box, const struct api_client *client) {
  return box->taken && !box->shown && box->client == client &&
         box->exchange.kind == EXCHANGE_REQUEST;
}

struct exchange_box *exchangeL_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, TYPE);
}

/* ---- blocking wait ---- */

struct hook_watch {
  lua_State *main_thread;
  lua_Hook hook;
};

static bool hook_changed(void *context) {
  const struct hook_watch *watch = context;
  return lua_gethook(watch->main_thread) != watch->hook;
}

bool exchangeL_drive(lua_State *L, struct api_client *client, struct exchange_box *box,
                     double seconds) {
  struct hook_watch watch = {compatL_main_thread(L), NULL};
  watch.hook = lua_gethook(watch.main_thread);
  api_client_wait(client, box == NULL ? NULL : &box->exchange, seconds, hook_changed, &watch);
  return !hook_changed(&watch);
}

void exchangeL_finish(lua_State *L, struct exchange_box *box) {
  while (box->exchange.state == EXCHANGE_RUNNING)
    if (!exchangeL_drive(L, box->client, box, 3600.0))
      api_client_cancel(&box->exchange, FAILURE_CANCELLED, "the call was interrupted");
}

/* ---- results ---- */

static void set_string(lua_State *L, const char *name, const char *text, size_t length) {
  lua_pushlstring(L, text == NULL ? "" : text, length);
  lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

static void set_meaning(lua_State *L, const struct exchange_box *box) {
  enum answer_meaning meaning = api_client_meaning(box->client, &box->exchange);
  if (meaning == ANSWER_PLAIN)
    return;
  lua_pushstring(L, meaning == ANSWER_EXPIRED ? "expired" : "refused");
  lua_setfield(L, -2, "means");
}

/* Sets the fields of the packed answer, and those of redirects and errors. [0, 0] */
static void set_rest(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  set_string(L, "head", exchange->head.data, exchange->head.length);
  set_string(L, "url", exchange->url_text.data, exchange->shown_url_length);
  const char *version = packed_answer_version(exchange->http_version);
  set_string(L, "http_version", version, strlen(version));
  set_boolean(L, "new_connection", exchange->new_connection);
  packed_answerL_push_timings(L, &exchange->timings);
  lua_setfield(L, -2, "timings");
  if (exchange->location != NULL) {
    enum url_status status = URL_UNREADABLE;
    if (!exchange->is_foreign)
      status = url_compare(&box->client->base, exchange->location);
    if (status == URL_NO_MEMORY)
      argumentsL_raise_memory(L);
    set_string(L, "location", exchange->location, strlen(exchange->location));
    set_boolean(L, "same_origin", status == URL_OK);
    set_boolean(L, "is_foreign", exchange->is_foreign);
    /* With a possible proxy, the origin of an answer is unknown. */
    set_boolean(
        L, "on_loopback",
        exchange->on_loopback &&
            (exchange->direct || !connection_options_may_proxy(&box->client->connections.options)));
  }
  if (exchange->kind == EXCHANGE_REQUEST)
    set_meaning(L, box);
}

/* True for a 2xx answer, unless it says that the token has expired, as that of some APIs does. */
static bool is_success(const struct exchange_box *box) {
  const struct exchange *exchange = &box->exchange;
  if (exchange->status < 200 || exchange->status > 299)
    return false;
  return exchange->flows || exchange->snapshot == NULL ||
         !profile_may_mean(&box->client->profile, exchange->status) ||
         api_client_meaning(box->client, exchange) != ANSWER_EXPIRED;
}

static bool wants_refresh(const struct exchange_box *box) {
  const struct api_client *client = box->client;
  return box->exchange.snapshot != NULL && api_client_freshness(client) == FRESHNESS_ADVISORY;
}

/* Pushes a 2xx answer to a request, without a table. */
static int push_success(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  if (!packed_answer_pack(exchange))
    return argumentsL_raise_memory(L);
  compatL_push_whole(L, (double)exchange->status);
  lua_pushlstring(L, exchange->reply_body.data == NULL ? "" : exchange->reply_body.data,
                  exchange->reply_body.length);
  lua_pushlstring(L, exchange->head.data, exchange->head.length);
  lua_pushstring(L, exchange->content_type); /* nil for NULL */
  lua_pushboolean(L, wants_refresh(box));
  lua_pushboolean(L, exchange->snapshot != NULL);
  return 6;
}

/* Pushes any other answer: a table, and of a request a hint. */
static int push_reply(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  lua_createtable(L, 0, 14);
  luaL_getmetatable(L, packed_answerL_type);
  lua_setmetatable(L, -2);
  compatL_push_whole(L, (double)exchange->status);
  lua_setfield(L, -2, "status");
  if (exchange->show_body)
    set_string(L, "body", exchange->reply_body.data, exchange->reply_body.length);
  if (exchange->content_type != NULL)
    set_string(L, "content_type", exchange->content_type, strlen(exchange->content_type));
  compatL_push_whole(L, exchange->generation);
  lua_setfield(L, -2, "generation");
  set_boolean(L, "authenticated", exchange->snapshot != NULL);
  set_rest(L, box);
  if (exchange->kind == EXCHANGE_REQUEST) {
    lua_pushstring(L, wants_refresh(box) ? "advisory" : NULL);
    return 2;
  }
  if (!exchange->absorbed)
    set_meaning(L, box);
  set_boolean(L, "absorbed", exchange->absorbed);
  if (exchange->problem[0] != '\0')
    set_string(L, "problem", exchange->problem, strlen(exchange->problem));
  return 1;
}

/* Pushes the reply of a login or refresh, and its record. */
static int push_auth_reply(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  push_reply(L, box);
  if (exchange->absorbed) {
    record_move(&box->kept, &exchange->record);
    recordL_push_copy(L, &box->kept);
  } else {
    lua_pushnil(L);
  }
  return 2;
}

static int push_failure(lua_State *L, struct exchange_box *box) {
  struct failure failure = box->exchange.failure;
  box->client->last_was_sent = exchange_was_sent(&box->exchange);
  return argumentsL_push_failure(L, &failure);
}

/* The two halves of a transcript. One that finds no memory is dropped: the call must not fail. */
static void transcribe(struct exchange_box *box,
                       bool (*add)(struct transcript *transcript, const struct api_client *client,
                                   const struct exchange *exchange)) {
  if (box->transcript == NULL || add(box->transcript, box->client, &box->exchange))
    return;
  transcript_free(box->transcript);
  box->transcript = NULL;
}

/* A closed client knows no secrets, so nothing can be masked. */
static void begin_transcript(struct exchange_box *box) {
  transcript_free(box->transcript);
  box->transcript = box->client->closed ? NULL : transcript_new();
  transcribe(box, transcript_add_request);
}

int exchangeL_push_result(lua_State *L, struct exchange_box *box) {
  struct exchange *exchange = &box->exchange;
  bool transcribes = box->client->transcripts != TRANSCRIPTS_OFF;
  int count = 0;
  if (!box->shown)
    buffer_free(&box->piece);
  box->taken = true;
  box->shown = true;
  engine_detach(exchange);
  exchange_settle_download(exchange);
  if (transcribes)
    begin_transcript(box);
  api_client_absorb(box->client, exchange);
  if (transcribes)
    transcribe(box, transcript_add_answer);
  if (exchange->failure.kind != FAILURE_NONE)
    count = push_failure(L, box);
  else if (exchange->kind != EXCHANGE_REQUEST)
    count = push_auth_reply(L, box);
  else if (is_success(box))
    count = push_success(L, box);
  else
    count = push_reply(L, box);
  if (exchange->kind == EXCHANGE_REQUEST)
    exchange_recycle(exchange);
  else
    exchange_clear(exchange);
  exchange->state = EXCHANGE_DONE;
  box->shown = false;
  return count;
}

/* ---- methods ---- */

static bool has_update(const struct exchange *exchange) {
  return exchange->failure.kind == FAILURE_NONE &&
         (exchange_has_piece(exchange) || exchange->progress.changed);
}

/* Swaps the piece with an empty buffer, so that the transfer can continue. */
static int push_piece(lua_State *L, struct exchange_box *box) {
  struct buffer piece = box->exchange.reply_body;
  box->exchange.reply_body = box->piece;
  box->exchange.reply_body.limit = piece.limit;
  box->exchange.reply_body.secret = piece.secret;
  box->piece = piece;
  box->shown = true;
  connections_drop_piece(&box->exchange);
  lua_pushliteral(L, "data");
  lua_pushlstring(L, box->piece.data, box->piece.length);
  buffer_clear(&box->piece, box->piece.limit);
  box->shown = false;
  return 2;
}

/* Progress first: it precedes the piece that it counts. */
static int push_update(lua_State *L, struct exchange_box *box) {
  struct exchange_progress *progress = &box->exchange.progress;
  double now = progress->now, total = progress->total;
  if (!progress->changed)
    return push_piece(L, box);
  progress->changed = false;
  lua_pushliteral(L, "progress");
  compatL_push_whole(L, now);
  if (total < 0.0)
    return 2;
  compatL_push_whole(L, total);
  return 3;
}

/* Runs the exchange in this thread; with an engine, waits for it.
   ---@param seconds number the longest wait
   ---@return "done"|"wait"|"data"|"progress" state "wait": not ended, or a debug hook must run
     first; "data": a piece of the stream; "progress": bytes moved
   ---@return string|number|nil chunk_or_now the piece, or the number of bytes
   ---@return number|nil total bytes in all, if known */
static int exchange_run(lua_State *L) {
  struct exchange_box *box = exchangeL_check(L, 1);
  double seconds = argumentsL_number(L, 2);
  luaL_argcheck(L, seconds >= 0.0, 2, "seconds must not be negative");
  luaL_argcheck(L, !box->shown, 1, "is returning its content");
  engine_sync(&box->exchange);
  if (has_update(&box->exchange))
    return push_update(L, box);
  /* A poll of zero seconds needs no wait: the engine runs the transfer. */
  bool looks = seconds == 0.0 && box->exchange.job != NULL;
  if (box->exchange.state == EXCHANGE_RUNNING && !looks &&
      !exchangeL_drive(L, box->client, box, seconds))
    api_client_cancel(&box->exchange, FAILURE_CANCELLED, "the call was interrupted");
  if (has_update(&box->exchange))
    return push_update(L, box);
  lua_pushstring(L, box->exchange.state == EXCHANGE_RUNNING ? "wait" : "done");
  return 1;
}

/* Returns the outcome, once: of a request the values of `call`, of a login or refresh a masked
   reply and the record.
   ---@return integer|table|false|nil outcome false if the exchange has not ended; nil, kind, code,
     message if there was no answer
   ---@return any ... */
static int exchange_result(lua_State *L) {
  struct exchange_box *box = exchangeL_check(L, 1);
  engine_sync(&box->exchange);
  if (box->taken)
    return argumentsL_raise(L, "the exchange's result was taken before");
  if (box->exchange.state == EXCHANGE_DONE)
    return exchangeL_push_result(L, box);
  lua_pushboolean(L, 0);
  return 1;
}

/* Returns the record of a login or refresh again after its result was read: the caller may have
   been interrupted before it could save the record.
   ---@return mic.record? record nil if there is none */
static int exchange_record(lua_State *L) {
  const struct exchange_box *box = exchangeL_check(L, 1);
  return recordL_push_copy(L, &box->kept)->token.length > 0 ? 1 : 0;
}

/* Returns what was sent and received, masked, after the result was read; once. Nothing if the
   client makes no transcripts.
   ---@return string? sent_head
   ---@return string? sent_body
   ---@return string? head
   ---@return string? body */
static int exchange_transcript(lua_State *L) {
  struct exchange_box *box = exchangeL_check(L, 1);
  if (box->transcript == NULL || box->shown)
    return 0;
  box->shown = true;
  for (int i = 0; i < TRANSCRIPT_PARTS; i++) {
    const struct buffer *part = &box->transcript->parts[i];
    if (part->length > 0)
      lua_pushlstring(L, part->data, part->length);
    else
      lua_pushnil(L);
  }
  box->shown = false;
  transcript_free(box->transcript);
  box->transcript = NULL;
  return TRANSCRIPT_PARTS;
}

/* Ends the exchange with `cancelled`. Does nothing if it has ended, except that a download whose
   result was not read leaves no file. Idempotent. */
static int exchange_cancel(lua_State *L) {
  struct exchange_box *box = exchangeL_check(L, 1);
  api_client_cancel(&box->exchange, FAILURE_CANCELLED, "the call was cancelled");
  if (box->exchange.download.path != NULL && box->exchange.failure.kind == FAILURE_NONE)
    exchange_fail(&box->exchange, FAILURE_CANCELLED, NULL, "the call was cancelled");
  download_file_clear(&box->exchange.download);
  return 0;
}

static int exchange_release(lua_State *L) {
  struct exchange_box *box = compatL_testudata(L, 1, TYPE);
  if (box == NULL)
    return 0;
  list_remove(&box->watched);
  api_client_cancel(&box->exchange, FAILURE_CANCELLED, "the call was cancelled");
  engine_detach(&box->exchange);
  exchange_clear(&box->exchange);
  buffer_free(&box->piece);
  transcript_free(box->transcript);
  box->transcript = NULL;
  record_clear(&box->kept);
  box->exchange.state = EXCHANGE_DONE;
  box->taken = true;
  return 0;
}

/* Content that is being pushed is freed by __gc. */
static int exchange_close(lua_State *L) {
  struct exchange_box *box = compatL_testudata(L, 1, TYPE);
  return box != NULL && !box->shown ? exchange_release(L) : 0;
}

static int exchange_to_string(lua_State *L) {
  const struct exchange_box *box = exchangeL_check(L, 1);
  const char *state = box->exchange.state == EXCHANGE_RUNNING ? "running" : "done";
  lua_pushfstring(L, "%s (%s)", TYPE, state);
  return 1;
}

void exchangeL_open(lua_State *L) {
  static const struct method methods[] = {
      {"run", exchange_run},       {"result", exchange_result},
      {"record", exchange_record}, {"transcript", exchange_transcript},
      {"cancel", exchange_cancel}, {"", NULL}};
  argumentsL_new_type(L, TYPE, methods, exchange_release, exchange_to_string);
  argumentsL_set_close(L, TYPE, exchange_close);
}
