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

void engine_notify_init(struct engine_notify *wake) {
  memset(wake, 0, sizeof *wake);
  wake->inner = wake->outer = wake->listener = wake->reader = -1;
}

bool engine_notify_open(struct engine_notify *wake) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    return false;
  wake->inner = pair[0];
  wake->outer = pair[1];
  return descriptor_set_up(pair[0]) && descriptor_set_up(pair[1]);
}

static void remove_file(struct engine_notify *wake) {
  if (wake->path == NULL)
    return;
  unlink(wake->path);
  rmdir(wake->folder);
  free(wake->path);
  wake->path = NULL;
}

void engine_notify_close(struct engine_notify *wake) {
  remove_file(wake);
  descriptor_close(&wake->inner);
  descriptor_close(&wake->outer);
  descriptor_close(&wake->listener);
  descriptor_close(&wake->reader);
}

static bool send_byte(int descriptor, char byte) {
  return send(descriptor, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 || errno == EAGAIN;
}

int engine_notify_target(struct engine_notify *wake) {
  if (wake->sent)
    return -1;
  wake->sent = true;
  return wake->reader >= 0 ? wake->reader : wake->inner;
}

bool engine_notify_send(int target) {
  return send_byte(target, WAKE_BYTE);
}

int engine_notify_elsewhere(struct engine_notify *wake) {
  descriptor_close(&wake->reader);
  return wake->inner;
}

/* A byte may arrive after this drain, so no flag says whether the pair holds one. */
void engine_notify_take(struct engine_notify *wake) {
  char bytes[16];
  wake->sent = false;
  if (wake->reader >= 0) /* the pair is not watched */
    return;
  while (recv(wake->outer, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
}

/* ---- the listener ---- */

static bool make_folder(struct engine_notify *wake) {
  const char *root = environment_get("TMPDIR");
  if (root == NULL || root[0] != '/' || strlen(root) > sizeof wake->folder - 20)
    root = "/tmp";
  snprintf(wake->folder, sizeof wake->folder, "%s/mic-XXXXXX", root);
  return mkdtemp(wake->folder) != NULL; /* mode 0700 */
}

static bool bind_listener(struct engine_notify *wake) {
  struct sockaddr_un address = {0};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s/wake", wake->folder);
  wake->path = strdup(address.sun_path);
  wake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  return wake->path != NULL && wake->listener >= 0 && descriptor_set_up(wake->listener) &&
         bind(wake->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
         listen(wake->listener, 1) == 0;
}

bool engine_notify_listen(struct engine_notify *wake, char *path, size_t size,
                          struct failure *failure) {
  remove_file(wake);
  descriptor_close(&wake->listener);
  if (!make_folder(wake)) {
    failure_set_errno(failure, "the wake socket", errno);
    return false;
  }
  if (!bind_listener(wake)) {
    failure_set_errno(failure, "the wake socket", errno);
    descriptor_close(&wake->listener);
    remove_file(wake);
    rmdir(wake->folder);
    return false;
  }
  snprintf(path, size, "%s", wake->path);
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

bool engine_notify_accept(struct engine_notify *wake) {
  int descriptor = accept(wake->listener, NULL, NULL);
  if (descriptor < 0)
    return false;
  if (!descriptor_set_up(descriptor) || !is_ours(descriptor)) {
    close(descriptor);
    return false;
  }
  remove_file(wake);
  descriptor_close(&wake->listener);
  descriptor_close(&wake->reader);
  wake->reader = descriptor;
  wake->sent = false; /* a pending byte went to the pair */
  return true;
}

void engine_notify_dismiss(struct engine_notify *wake) {
  if (wake->reader >= 0)
    send_byte(wake->reader, END_BYTE);
  descriptor_close(&wake->reader);
}
