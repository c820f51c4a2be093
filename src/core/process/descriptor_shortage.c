#include "../base.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor_shortage.h"

/* The most descriptors that a connection needs at a time: its socket, the socket pair of the
   resolver thread, the resolver's own, a CA file. */
enum { NEEDED = 8 };

static bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE;
}

int descriptor_shortage(void) {
  int opened[NEEDED];
  int count = 0, error = 0;
  while (count < NEEDED && error == 0) {
    opened[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (opened[count] >= 0)
      count++;
    else
      error = errno;
  }
  while (count > 0)
    close(opened[--count]);
  return is_shortage(error) ? error : 0;
}

bool descriptor_shortage_explains(CURLcode code, int error, struct failure *failure) {
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_CONNECT:
  case CURLE_OUT_OF_MEMORY:
  case CURLE_BAD_FUNCTION_ARGUMENT:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    break;
  default:
    return false;
  }
  int shortage = is_shortage(error) ? error : descriptor_shortage();
  if (shortage == 0)
    return false;
  failure_set_errno(failure, NULL, shortage);
  failure->kind = FAILURE_NETWORK;
  return true;
}
