/* Multi handle with one poll(2) for all of its sockets. It passes only ready sockets to libcurl
   (curl_multi_socket_action). curl_multi_poll and curl_multi_perform visit every transfer in each
   round. While all transfers progress that costs the same: 0.98 to 1.00 times the instructions with
   1, 16 and 64 of them, 1.2 times the processor time with 1,000 (HTTP/2, TLS). But one quick
   transfer after the other, beside 16, 64 and 1,000 that wait for their answers, takes 1.2, 1.3 and
   18 times the processor time, and beside 1,000 40 times as long. */
#ifndef MIC_POLLER_H
#define MIC_POLLER_H

#include <curl/curl.h>
#include <poll.h>

#include "../base.h"
#include "kept_socket.h"

MIC_PRIVATE_BEGIN

struct poller {
  CURLM *multi;           /* NULL if discarded or not open */
  long connections;       /* the most per host, and the most kept; 0: no limit, and 64 */
  struct pollfd *entries; /* wake pipe, the owner's descriptor, then libcurl's in any order */
  size_t count, capacity;
  struct kept_sockets sockets; /* of its connections */
  int wake;                    /* write end for other threads; -1: none */
  bool failed;                 /* out of memory: the multi handle is unusable */
};

/* False if out of memory; poller_close is safe then. */
bool poller_open(struct poller *poller, long connections);
/* The multi handle must have no easy handles. */
void poller_close(struct poller *poller);
/* poller_close for a child process: frees memory only, and touches no descriptor of the parent. */
void poller_abandon(struct poller *poller);
static inline bool poller_is_open(const struct poller *poller) {
  return poller->entries != NULL;
}
/* False if out of memory. */
bool poller_add(struct poller *poller, CURL *easy);
/* Restarts an ended transfer, still on the multi handle, with `easy`. If that is another handle,
   `ended` is freed. False if out of memory. */
bool poller_add_again(struct poller *poller, CURL *ended, CURL *easy);
/* Closes all connections. The multi handle must have no easy handles; the next poller_add creates
   another one. */
void poller_discard(struct poller *poller);
/* Runs what is due by libcurl's timers, new transfers too. False, here and below: libcurl cannot go
   on, so end all transfers and discard the multi handle. In some versions the socket table is
   corrupt after a failed allocation. */
bool poller_do_due(struct poller *poller);
/* Makes the next poller_do_due or poller_wait fail, after libcurl ran out of memory in another
   call. */
void poller_fail(struct poller *poller);
/* Waits until a socket is ready, a timer is due, `seconds` have passed or a signal arrives. Passes
   the ready sockets to libcurl. */
bool poller_wait(struct poller *poller, double seconds);
/* Removes a handle. `ended`: a dead socket, whose other transfers are told; -1: none. */
void poller_remove(struct poller *poller, CURL *easy, int ended);
/* Also polls a descriptor of the owner for reading; -1: none. */
void poller_watch_own(struct poller *poller, int descriptor);
/* True if the last wait found it ready. */
bool poller_own_is_ready(const struct poller *poller);
/* Lets other threads end a wait. False if out of descriptors. */
bool poller_open_wake(struct poller *poller);
/* Ends the current wait, or the next one. The only function that any thread may call, until
   poller_close. */
void poller_wake(const struct poller *poller);

MIC_PRIVATE_END
#endif
