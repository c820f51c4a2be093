#include "../base.h"

#include <stdlib.h>
#include <string.h>

#include "../text/buffer.h"
#include "../text/header.h"
#include "auth_headers.h"

static bool append_line(struct curl_slist **lines, const char *name, const char *prefix,
                        const struct secret *value) {
  size_t prefix_length = strlen(prefix);
  if (prefix_length == 0)
    return header_append(lines, name, strlen(name), value->bytes, value->length);
  struct buffer text;
  buffer_init(&text, prefix_length + value->length, true);
  bool ok = buffer_append(&text, prefix, prefix_length) == BUFFER_OK &&
            buffer_append(&text, value->bytes, value->length) == BUFFER_OK &&
            header_append(lines, name, strlen(name), text.data, text.length);
  buffer_free(&text);
  return ok;
}

struct header_snapshot *header_snapshot_make(const struct record *record,
                                             const struct api_profile *profile, const char *agent,
                                             const struct secret *api_key, bool identity) {
  static const char agent_name[] = "User-Agent";
  struct header_snapshot *snapshot = calloc(1, sizeof *snapshot);
  if (snapshot == NULL)
    return NULL;
  snapshot->references = 1;
  struct curl_slist **lines = &snapshot->lines;
  bool ok = header_append_line(lines, "Expect:") &&
            header_append(lines, agent_name, sizeof agent_name - 1, agent, strlen(agent)) &&
            header_append_encodings(lines);
  if (ok && record != NULL)
    ok = append_line(lines, profile->token_header, profile->token_prefix, &record->token);
  if (ok && record != NULL && identity && record->identity.length > 0)
    ok = append_line(lines, profile->identity_header, "", &record->identity);
  if (ok && api_key != NULL && api_key->length > 0)
    ok = append_line(lines, profile->api_key_header, "", api_key);
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
