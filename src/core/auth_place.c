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

static bool append_value(struct buffer *to, const struct login_values *values, unsigned value) {
  static const char any = AUTH_PLACE_ANY;
  if (login_value_may_come_late(value) || !login_value_is_set(values, value))
    return buffer_append(to, &any, 1) == BUFFER_OK;
  struct buffer text;
  buffer_init(&text, 64 * MIC_SECRET_MAX, true);
  bool ok = login_value_append(values, value, &text) == BUFFER_OK &&
            (text.length == 0 || escape_append_url(to, text.data, text.length) == BUFFER_OK);
  buffer_free(&text);
  return ok;
}

/* Appends the path of the request, up to its query. */
static bool append_target(struct buffer *to, const struct template *target,
                          const struct login_values *values) {
  bool ok = true;
  for (size_t i = 0; i < target->count && ok; i++) {
    const struct template_part *part = &target->parts[i];
    if (part->kind == PART_GROUP || (part->kind == PART_VALUE && part->query))
      return true;
    if (part->kind == PART_VALUE) {
      ok = append_value(to, values, part->value);
      continue;
    }
    const char *text = target->text + part->start;
    const char *query = memchr(text, '?', part->length);
    size_t length = query != NULL ? (size_t)(query - text) : part->length;
    ok = length == 0 || buffer_append(to, text, length) == BUFFER_OK;
    if (query != NULL)
      return ok;
  }
  return ok;
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
  if (buffer_append_text(&place->path, path_of(as_written ? auth_url : base->root)) != BUFFER_OK)
    return false;
  if (as_written)
    return place->path.length > 0 || buffer_append_text(&place->path, "/") == BUFFER_OK;
  return append_target(&place->path, &request->target, values);
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
