#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/header.h"
#include "auth_headers.h"

struct header_snapshot *header_snapshot_make(const struct profile *profile,
                                             const struct login_values *values, const char *agent,
                                             enum snapshot_kind kind) {
  static const char agent_name[] = "User-Agent";
  struct header_snapshot *snapshot = calloc(1, sizeof *snapshot);
  if (snapshot == NULL)
    return NULL;
  snapshot->references = 1;
  struct curl_slist **lines = &snapshot->lines;
  bool ok = header_append_line(lines, "Expect:") &&
            header_append(lines, agent_name, sizeof agent_name - 1, agent, strlen(agent)) &&
            header_append_encodings(lines);
  for (size_t i = 0; i < profile->headers.count && kind != SNAPSHOT_BARE && ok; i++) {
    const struct profile_item *header = &profile->headers.list[i];
    if (kind == SNAPSHOT_WHOLE || !profile_needs_login(&header->value))
      ok = profile_append_header(lines, header, values);
  }
  if (!ok) {
    header_snapshot_release(snapshot);
    return NULL;
  }
  return snapshot;
}

void header_snapshot_release(struct header_snapshot *snapshot) {
  if (snapshot == NULL || --snapshot->references > 0)
    return;
  header_list_wipe(snapshot->lines);
  free(snapshot);
}
