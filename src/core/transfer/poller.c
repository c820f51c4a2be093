#include "../base.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../process/descriptor.h"
#include "poller.h"

enum { WAKE, OWN, FIRST, FIRST_CAPACITY = 8 };

/* Where their number has no limit. */
static const long KEPT_CONNECTIONS = 64;

/* ---- sockets that libcurl watches ---- */

/* Searches the newest first, which are the likeliest. */
static struct pollfd *find(struct poller *poller, curl_socket_t socket) {
  for (size_t i = poller->count; i > FIRST; i--)
    if (poller->entries[i - 1].fd == socket)
      return &poller->entries[i - 1];
  return NULL;
}

static struct pollfd *add(struct poller *poller, curl_socket_t socket) {
  if (poller->count == poller->capacity) {
    size_t capacity = 2 * poller->capacity;
    struct pollfd *entries = realloc(poller->entries, capacity * sizeof *entries);
    if (entries == NULL) {
      poller->failed = true;
      return NULL;
    }
    poller->entries = entries;
    poller->capacity = capacity;
  }
  struct pollfd *entry = &poller->entries[poller->count++];
  memset(entry, 0, sizeof *entry);
  entry->fd = socket;
  return entry;
}

static int poller_cb_socket(CURL *easy, curl_socket_t socket, int what, void *context,
                            void *socket_context) {
  struct poller *poller = context;
  (void)easy, (void)socket_context;
  struct pollfd *entry = find(poller, socket);
  if (what == CURL_POLL_REMOVE) {
    if (entry != NULL)
      *entry = poller->entries[--poller->count];
    return 0;
  }
  if (entry == NULL)
    entry = add(poller, socket);
  if (entry != NULL)
    entry->events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
  return 0; /* an error would end the whole multi handle */
}

static bool make_multi(struct poller *poller) {
  poller->multi = curl_multi_init();
  if (poller->multi == NULL)
    return false;
  curl_multi_setopt(poller->multi, CURLMOPT_SOCKETFUNCTION, poller_cb_socket);
  curl_multi_setopt(poller->multi, CURLMOPT_SOCKETDATA, poller);
  if (poller->connections > 0)
    curl_multi_setopt(poller->multi, CURLMOPT_MAX_HOST_CONNECTIONS, poller->connections);
  /* libcurl's default follows the number of transfers, and closes connections when it drops;
     in 8.21 already while the transfers of one round end. */
  curl_multi_setopt(poller->multi, CURLMOPT_MAXCONNECTS,
                    poller->connections > 0 ? poller->connections : KEPT_CONNECTIONS);
  return true;
}

bool poller_open(struct poller *poller, long connections) {
  memset(poller, 0, sizeof *poller);
  poller->wake = -1;
  poller->connections = connections;
  poller->entries = calloc(FIRST_CAPACITY, sizeof *poller->entries);
  if (poller->entries == NULL)
    return false;
  poller->capacity = FIRST_CAPACITY;
  for (poller->count = 0; poller->count < FIRST; poller->count++) {
    poller->entries[poller->count].fd = -1; /* ignored by poll */
    poller->entries[poller->count].events = POLLIN;
  }
  return make_multi(poller);
}

void poller_close(struct poller *poller) {
  if (poller->entries == NULL)
    return;
  poller_discard(poller);
  descriptor_close(&poller->entries[WAKE].fd);
  descriptor_close(&poller->wake);
  poller_abandon(poller);
}

void poller_abandon(struct poller *poller) {
  free(poller->entries);
  kept_sockets_clear(&poller->sockets);
  memset(poller, 0, sizeof *poller);
}

bool poller_add(struct poller *poller, CURL *easy) {
  return (poller->multi != NULL || make_multi(poller)) &&
         curl_multi_add_handle(poller->multi, easy) == CURLM_OK;
}

bool poller_add_again(struct poller *poller, CURL *ended, CURL *easy) {
  curl_multi_remove_handle(poller->multi, ended);
  if (ended != easy)
    curl_easy_cleanup(ended);
  return poller_add(poller, easy);
}

void poller_discard(struct poller *poller) {
  if (poller->multi != NULL)
    curl_multi_cleanup(poller->multi);
  poller->multi = NULL;
  kept_sockets_clear(&poller->sockets);
  poller->count = FIRST;
  poller->failed = false;
}

void poller_fail(struct poller *poller) {
  poller->failed = true;
}

/* ---- descriptors of the owner; wakeup ---- */

void poller_watch_own(struct poller *poller, int descriptor) {
  poller->entries[OWN].fd = descriptor;
}

bool poller_own_is_ready(const struct poller *poller) {
  return poller->entries[OWN].revents != 0;
}

bool poller_open_wake(struct poller *poller) {
  int ends[2];
  if (pipe(ends) != 0)
    return false;
  poller->entries[WAKE].fd = ends[0];
  poller->wake = ends[1];
  return descriptor_set_up(ends[0]) && descriptor_set_up(ends[1]);
}

void poller_wake(const struct poller *poller) {
  const char byte = 'w';
  ssize_t written = write(poller->wake, &byte, 1);
  (void)written; /* a full pipe wakes it as well */
}

static void take_wake(const struct poller *poller) {
  char bytes[64];
  if (poller->entries[WAKE].revents == 0)
    return;
  ssize_t got = read(poller->entries[WAKE].fd, bytes, sizeof bytes);
  (void)got; /* bytes left wake it again */
}

/* ---- one round ---- */

static bool act(struct poller *poller, curl_socket_t socket, int ready) {
  int running = 0;
  CURLMcode code = curl_multi_socket_action(poller->multi, socket, ready, &running);
  return code == CURLM_OK && !poller->failed;
}

bool poller_do_due(struct poller *poller) {
  long milliseconds = -1;
  if (poller->failed)
    return false;
  curl_multi_timeout(poller->multi, &milliseconds);
  return milliseconds != 0 || act(poller, CURL_SOCKET_TIMEOUT, 0);
}

/* Tells the other transfers of the connection at once, before a new one joins: libcurl checks a
   connection before reuse only if no transfer runs on it, and then it does not watch the socket. */
void poller_remove(struct poller *poller, CURL *easy, int ended) {
  curl_multi_remove_handle(poller->multi, easy);
  if (ended >= 0 && find(poller, ended) != NULL && !act(poller, ended, CURL_CSELECT_IN))
    poller->failed = true;
}

/* A closed or failed connection counts as ready for what was awaited. The read or write then
   reports a more precise error than CURL_CSELECT_ERR. */
static int ready_for(const struct pollfd *entry) {
  short ready = entry->revents & (POLLERR | POLLHUP | POLLNVAL) ? entry->events : entry->revents;
  return (ready & POLLIN ? CURL_CSELECT_IN : 0) | (ready & POLLOUT ? CURL_CSELECT_OUT : 0);
}

/* Goes from the last entry down: libcurl appends new entries, and moves an already handled one into
   the place of a removed one. After a failure libcurl must not touch another socket. */
static bool do_ready(struct poller *poller, int ready) {
  for (size_t i = poller->count; ready > 0 && i > FIRST; i--) {
    if (i > poller->count) /* an entry after this one was removed */
      continue;
    struct pollfd *entry = &poller->entries[i - 1];
    if (entry->revents == 0)
      continue;
    int mask = ready_for(entry);
    entry->revents = 0;
    ready--;
    if (!act(poller, entry->fd, mask))
      return false;
  }
  return true;
}

bool poller_wait(struct poller *poller, double seconds) {
  long due = -1;
  if (poller->failed)
    return false;
  double milliseconds = seconds > 0.0 ? seconds * 1000.0 + 1.0 : 0.0; /* rounded up */
  int wait = milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
  curl_multi_timeout(poller->multi, &due);
  if (due >= 0 && due < wait)
    wait = (int)due;
  int ready = poll(poller->entries, (nfds_t)poller->count, wait);
  if (ready <= 0) { /* timeout or signal: revents are undefined */
    for (size_t i = 0; i < poller->count; i++)
      poller->entries[i].revents = 0;
    return true;
  }
  take_wake(poller);
  return do_ready(poller, ready);
}
