/* mic.exchange: one call under way. The userdata owns the core's exchange and anchors its client
   and its body. */
#ifndef MIC_BINDING_EXCHANGE_H
#define MIC_BINDING_EXCHANGE_H

#include "../core/api_client.h"
#include "../core/transfer/exchange.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

struct exchange_box {
  struct exchange exchange;
  struct api_client *client; /* borrowed: the anchors keep it alive, or the caller's stack does */
  bool taken;                /* result was read */
  bool shown;      /* its content is being pushed: what a finalizer calls meanwhile leaves it alone.
                      Stays so where the push raises */
  uint64_t listed; /* by which of the engine's collects last */
  struct exchange_box *next, **link; /* in the client's list for collect; link NULL: in none */
  struct buffer piece; /* of a stream, while it is pushed; room for the next one otherwise */
  double watched_as;   /* where the client's anchors have it meanwhile; 0: it was in no list yet.
                          A whole number that no other exchange gets: exact up to 2^53 */
  struct record kept;  /* of a login or refresh whose result was taken: for `record` */
};

struct exchange_box *exchangeL_push(lua_State *L, struct api_client *client,
                                    enum exchange_kind kind); /* [0, +1] */
/* Makes one at `index`, whose result was taken, like new. [0, 0] */
struct exchange_box *exchangeL_renew(lua_State *L, int index, struct api_client *client);
/* Whether exchangeL_renew may have it, for this client. */
bool exchange_is_free(const struct exchange_box *box, const struct api_client *client);
struct exchange_box *exchangeL_check(lua_State *L, int index);
/* Reads a request's spec (a table at a positive index) and starts it; raises on misuse. The body,
   which has to live as long as the exchange, is put into the place after the spec. [0, 0] */
void exchangeL_start_request(lua_State *L, struct exchange_box *box, int spec);
/* Whether this request would be sent now; raises on misuse. [0, 0] */
bool exchangeL_is_ready(lua_State *L, const struct api_client *client, int spec);
/* Waits in this thread until the exchange is done (box NULL: until any is) or `seconds` have
   passed. False when a debug hook was set meanwhile, as Ctrl-C does. Never raises. */
bool exchangeL_drive(lua_State *L, struct api_client *client, struct exchange_box *box,
                     double seconds);
/* The same without a limit; an interrupted exchange ends with `cancelled`. */
void exchangeL_finish(lua_State *L, struct exchange_box *box);
/* Pushes what `result` returns and lets go of the exchange's memory; returns how many. */
int exchangeL_push_result(lua_State *L, struct exchange_box *box);
/* True when the exchange has sent credentials for which a refresh is due by now. */
bool exchangeL_wants_refresh(const struct exchange_box *box);
/* Takes it out of the list for collect, if it is in it. */
void exchange_unwatch(struct exchange_box *box);
void exchangeL_open(lua_State *L);

MIC_PRIVATE_END
#endif
