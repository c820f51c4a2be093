#include "../base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../process/descriptor.h"
#include "../process/process_environment.h"
#include "../process/process_id.h"
#include "notify.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static const char WAKE_BYTE = 'w';
static const char END_BYTE = 'e';

void engine_notify_init(struct engine_notify *notify) {
  memset(notify, 0, sizeof *notify);
  notify->inner = notify->outer = notify->listener = notify->reader = -1;
}

bool engine_notify_open(struct engine_notify *notify) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    return false;
  notify->inner = pair[0];
  notify->outer = pair[1];
  return descriptor_set_up(pair[0]) && descriptor_set_up(pair[1]);
}

static void remove_file(struct engine_notify *notify) {
  if (notify->path == NULL)
    return;
  unlink(notify->path);
  rmdir(notify->folder);
  free(notify->path);
  notify->path = NULL;
}

void engine_notify_close(struct engine_notify *notify) {
  remove_file(notify);
  descriptor_close(&notify->inner);
  descriptor_close(&notify->outer);
  descriptor_close(&notify->listener);
  descriptor_close(&notify->reader);
}

static bool send_byte(int descriptor, char byte) {
  return send(descriptor, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 || errno == EAGAIN;
}

int engine_notify_target(struct engine_notify *notify) {
  if (notify->sent)
    return -1;
  notify->sent = true;
  return notify->reader >= 0 ? notify->reader : notify->inner;
}

bool engine_notify_send(int target) {
  return send_byte(target, WAKE_BYTE);
}

int engine_notify_fall_back(struct engine_notify *notify) {
  descriptor_close(&notify->reader);
  return notify->inner;
}

/* A byte may arrive after this drain, so no flag says whether the pair holds one. */
void engine_notify_drain(struct engine_notify *notify) {
  char bytes[16];
  notify->sent = false;
  if (notify->reader >= 0) /* the pair is not watched */
    return;
  while (recv(notify->outer, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
}

/* ---- the listener ---- */

static bool make_folder(struct engine_notify *notify) {
  const char *root = environment_get("TMPDIR");
  if (root == NULL || root[0] != '/' || strlen(root) > sizeof notify->folder - 20)
    root = "/tmp";
  snprintf(notify->folder, sizeof notify->folder, "%s/mic-XXXXXX", root);
  return mkdtemp(notify->folder) != NULL; /* mode 0700 */
}

static bool bind_listener(struct engine_notify *notify) {
  struct sockaddr_un address = {0};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s/wake", notify->folder);
  notify->path = strdup(address.sun_path);
  notify->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  return notify->path != NULL && notify->listener >= 0 && descriptor_set_up(notify->listener) &&
         bind(notify->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
         listen(notify->listener, 1) == 0;
}

bool engine_notify_listen(struct engine_notify *notify, char *path, size_t size,
                          struct failure *failure) {
  remove_file(notify);
  descriptor_close(&notify->listener);
  if (!make_folder(notify)) {
    failure_set_errno(failure, "the wake socket", errno);
    return false;
  }
  if (!bind_listener(notify)) {
    failure_set_errno(failure, "the wake socket", errno);
    descriptor_close(&notify->listener);
    remove_file(notify);
    rmdir(notify->folder);
    return false;
  }
  snprintf(path, size, "%s", notify->path);
  return true;
}

static bool is_ours(int descriptor) {
#ifdef SO_PEERCRED
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.pid == process_id();
#else
  (void)descriptor; /* the folder's mode keeps other users out */
  return true;
#endif
}

bool engine_notify_accept(struct engine_notify *notify) {
  int descriptor = accept(notify->listener, NULL, NULL);
  if (descriptor < 0)
    return false;
  if (!descriptor_set_up(descriptor) || !is_ours(descriptor)) {
    close(descriptor);
    return false;
  }
  remove_file(notify);
  descriptor_close(&notify->listener);
  descriptor_close(&notify->reader);
  notify->reader = descriptor;
  notify->sent = false; /* a pending byte went to the pair */
  return true;
}

void engine_notify_close_reader(struct engine_notify *notify) {
  if (notify->reader >= 0)
    send_byte(notify->reader, END_BYTE);
  descriptor_close(&notify->reader);
}
