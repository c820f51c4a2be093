#include "base.h"

#include <string.h>

#include "auth_place.h"
#include "text/escape.h"

/* What follows "scheme://host:port" in a valid URL. */
static const char *path_of(const char *url) {
  const char *host = strstr(url, "://");
  host = host != NULL ? host + 3 : url;
  return host + strcspn(host, "/?#");
}

static void append_value(struct buffer *to, const struct login_values *values, unsigned value) {
  struct buffer text;
  if (login_value_may_come_late(value) || !login_value_is_set(values, value)) {
    buffer_append(to, (const char[]){AUTH_PLACE_ANY}, 1);
    return;
  }
  buffer_init(&text, 64 * MIC_SECRET_MAX, true);
  login_value_append(values, value, &text);
  escape_append(to, text.data, text.length, false);
  to->failed |= text.failed;
  buffer_free(&text);
}

/* Appends the path of the request. Its query begins with a group. */
static void append_target(struct buffer *to, const struct template *target,
                          const struct login_values *values) {
  for (size_t i = 0; i < target->count && target->parts[i].kind != PART_GROUP; i++) {
    const struct template_part *part = &target->parts[i];
    if (part->kind == PART_VALUE)
      append_value(to, values, part->value);
    else
      buffer_append(to, target->text + part->start, part->length);
  }
}

bool auth_place_set(struct auth_place *place, const struct profile_request *request,
                    const struct login_values *values, const struct url_base *base,
                    const struct url_base *auth_base, const char *auth_url) {
  buffer_init(&place->path, 64 * MIC_SECRET_MAX, true);
  if (request->method[0] == '\0')
    return true;
  if (auth_base != NULL) {
    enum url_status status = url_compare(base, auth_base->root);
    if (status != URL_OK)
      return status != URL_NO_MEMORY;
    base = auth_base;
  }
  bool as_written = request->at_root && auth_url != NULL;
  buffer_append_text(&place->path, path_of(as_written ? auth_url : base->root));
  if (!as_written)
    append_target(&place->path, &request->target, values);
  else if (place->path.length == 0)
    buffer_append(&place->path, "/", 1);
  return !place->path.failed;
}

/* True if the text from `at` on is of the form of the place from `from` on. */
static bool matches(const struct buffer *place, size_t from, const char *at, const char *end) {
  for (; from < place->length && place->data[from] != AUTH_PLACE_ANY; from++, at++)
    if (at == end || *at != place->data[from])
      return false;
  if (from == place->length)
    return at == end;
  while (at < end && *at != '/')
    if (matches(place, from + 1, ++at, end))
      return true;
  return false;
}

bool auth_place_is(const struct auth_place *place, const struct url_base *base, const char *path,
                   size_t length, const char *url) {
  if (place->path.length == 0)
    return false;
  if (path == NULL) {
    path = path_of(url);
    length = strcspn(path, "?#");
    if (length == 0) { /* it is sent as "/" */
      path = "/";
      length = 1;
    }
    return matches(&place->path, 0, path, path + length);
  }
  const char *root = path_of(base->root), *query = memchr(path, '?', length);
  size_t size = strlen(root);
  if (place->path.length < size || memcmp(place->path.data, root, size) != 0)
    return false;
  return matches(&place->path, size, path, query != NULL ? query : path + length);
}

void auth_place_clear(struct auth_place *place) {
  buffer_free(&place->path);
}
