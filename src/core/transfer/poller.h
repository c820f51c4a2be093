/* A multi handle: the sockets that libcurl wants watched, one wait for all of them, and libcurl
   told of those alone that are ready. curl_multi_perform asks the kernel about every transfer
   whenever one has moved. */
#ifndef MIC_POLLER_H
#define MIC_POLLER_H

#include <curl/curl.h>
#include <poll.h>

#include "../base.h"
#include "kept_socket.h"

MIC_PRIVATE_BEGIN

struct poller {
  CURLM *multi;           /* NULL when it had to be discarded, or is not open */
  long connections;       /* to one host and kept, at the most; 0 = libcurl's own limits */
  struct pollfd *entries; /* the wake's, the owner's, then libcurl's in no order */
  size_t count, capacity;
  struct kept_sockets sockets; /* of its connections */
  int wake;                    /* the end that other threads write to; -1: none does */
  bool failed;                 /* no memory: the multi handle is of no use any more */
};

/* False when there is no memory; poller_close may follow. */
bool poller_open(struct poller *poller, long connections);
/* Nothing may be on the multi handle. */
void poller_close(struct poller *poller);
/* The same in a child process: nothing of the parent's is touched but memory. */
void poller_abandon(struct poller *poller);
static inline bool poller_is_open(const struct poller *poller) {
  return poller->entries != NULL;
}
/* False when there is no memory. */
bool poller_add(struct poller *poller, CURL *easy);
/* Begins one anew that has ended and is still on the multi handle, with `easy`, which may be
   another handle: then the old one is no more. Likewise. */
bool poller_add_again(struct poller *poller, CURL *ended, CURL *easy);
/* Closes every connection, with nothing on the multi handle; the next poller_add makes another. */
void poller_discard(struct poller *poller);
/* Has libcurl do what is due by its own clock, new transfers too. Here and below false means that
   libcurl cannot go on: what runs must be ended, and the multi handle discarded. After an
   allocation that failed the table of sockets of some versions is broken. */
bool poller_do_due(struct poller *poller);
/* Says so beforehand, after a call to libcurl that had no memory. */
void poller_fail(struct poller *poller);
/* Waits until a socket is ready, something is due, `seconds` have passed or a signal came, and has
   libcurl look at the ready sockets. */
bool poller_wait(struct poller *poller, double seconds);
/* Takes one off. The others on the connection whose socket was `ended`, if any (-1), are told. */
void poller_remove(struct poller *poller, CURL *easy, int ended);
/* Watches a descriptor of the owner's, too, for reading; -1 for none. */
void poller_watch_own(struct poller *poller, int descriptor);
/* Whether the last wait found it ready. */
bool poller_own_is_ready(const struct poller *poller);
/* Lets other threads end a wait. False when there are no descriptors left. */
bool poller_open_wake(struct poller *poller);
/* Ends the wait, or the next one; the one function that any thread may call, until poller_close. */
void poller_wake(const struct poller *poller);

MIC_PRIVATE_END
#endif
