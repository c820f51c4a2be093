/* mic.exchange: one call. The userdata owns the core's exchange, and anchors its client and
   body. */
#ifndef MIC_BINDING_EXCHANGE_H
#define MIC_BINDING_EXCHANGE_H

#include "../core/api_client.h"
#include "../core/list.h"
#include "../core/transcript.h"
#include "../core/transfer/exchange.h"
#include "arguments.h"

MIC_PRIVATE_BEGIN

struct exchange_box {
  struct exchange exchange;
  struct api_client *client; /* borrowed: kept alive by the anchors, or by the caller's stack */
  bool taken;                /* the result was read */
  bool has_body;             /* the anchors hold a body */
  bool shown;      /* its content is being pushed, so calls from a finalizer must not change it.
                      Stays true if the push raises */
  uint64_t listed; /* the engine's last `collects` that returned it */
  struct list_link watched; /* in the client's list for collect */
  struct buffer piece; /* of a stream, while it is pushed; else an empty buffer for the next one */
  double watched_as;   /* its key in the client's anchors while listed; 0: never listed. An integer
                          unique within the client, exact up to 2^53 */
  struct transcript *transcript; /* of the result that was read, until it is taken; or NULL */
  struct record kept;            /* of a login or refresh whose result was read, for `record` */
};

struct exchange_box *exchangeL_push(lua_State *L, struct api_client *client,
                                    enum exchange_kind kind); /* [0, +1] */
/* Resets one at `index` whose result was read. [0, 0] */
struct exchange_box *exchangeL_renew(lua_State *L, int index, struct api_client *client);
/* True if exchangeL_renew may reuse it for this client. */
bool exchange_is_free(const struct exchange_box *box, const struct api_client *client);
struct exchange_box *exchangeL_check(lua_State *L, int index);
/* Blocks until the exchange is done (box NULL: until any is) or `seconds` have passed. False if a
   debug hook was set meanwhile, as Ctrl-C does. Never raises. */
bool exchangeL_drive(lua_State *L, struct api_client *client, struct exchange_box *box,
                     double seconds);
/* The same without a limit. An interrupted exchange ends with `cancelled`. */
void exchangeL_finish(lua_State *L, struct exchange_box *box);
/* Pushes the values of `result` and clears the exchange; returns how many. */
int exchangeL_push_result(lua_State *L, struct exchange_box *box);
void exchangeL_open(lua_State *L);

MIC_PRIVATE_END
#endif
