#include "../base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credential_path.h"

static char *join(const char *left, const char *between, const char *right, const char *suffix) {
  size_t size = strlen(left) + strlen(between) + strlen(right) + strlen(suffix) + 1;
  char *joined = malloc(size);
  if (joined != NULL)
    snprintf(joined, size, "%s%s%s%s", left, between, right, suffix);
  return joined;
}

/* Encodes capitals too, because some file systems ignore case. */
static char *encode(const char *key, size_t length) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789._-@";
  char *encoded = malloc(3 * length + 1);
  if (encoded == NULL)
    return NULL;
  char *out = encoded;
  for (size_t i = 0; i < length; i++) {
    if (key[i] != '\0' && strchr(plain, key[i]) != NULL)
      *out++ = key[i];
    else
      out += snprintf(out, 4, "%%%02x", (unsigned)(unsigned char)key[i]);
  }
  *out = '\0';
  return encoded;
}

static bool fill(struct credential_path *path, const char *absolute, const char *encoded) {
  static const char suffixes[PARTS][9] = {"", "", "~lock", "~new", "~damaged"};
  path->name = (size_t)(strrchr(absolute, '/') - absolute) + 1;
  path->folder = strdup(absolute);
  if (path->folder == NULL)
    return false;
  path->folder[path->name > 1 ? path->name - 1 : 1] = '\0';
  for (size_t i = 0; i < PARTS; i++) {
    bool bare = i == PART_PATH;
    path->whole[i] = join(absolute, bare ? "" : ".", bare ? "" : encoded, suffixes[i]);
    if (path->whole[i] == NULL)
      return false;
  }
  return true;
}

bool credential_path_set(struct credential_path *path, const char *absolute, const char *key,
                         size_t key_length) {
  memset(path, 0, sizeof *path);
  char *encoded = encode(key, key_length);
  bool ok = encoded != NULL && fill(path, absolute, encoded);
  free(encoded);
  return ok;
}

const char *credential_path_name(const struct credential_path *path, enum credential_part part) {
  return path->whole[part] + path->name;
}

const char *credential_path_advise(struct credential_path *path, const char *below) {
  const char *name = credential_path_name(path, PART_PATH);
  size_t size = path->name + strlen(below) + strlen(name) + sizeof "path = \"/\"";
  free(path->advice);
  path->advice = malloc(size);
  if (path->advice != NULL)
    snprintf(path->advice, size, "path = \"%.*s%s/%s\"", (int)path->name, path->whole[PART_PATH],
             below, name);
  return path->advice;
}

void credential_path_clear(struct credential_path *path) {
  free(path->folder);
  free(path->advice);
  for (size_t i = 0; i < PARTS; i++)
    free(path->whole[i]);
  memset(path, 0, sizeof *path);
}
