#include "base.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <string.h>

#include "trust.h"

/* "0a1b2c3d.0": eight hex digits of the subject's hash, and a number. */
static bool is_hashed_name(const char *name) {
  for (size_t i = 0; i < 8; i++)
    if (!isxdigit((unsigned char)name[i]))
      return false;
  return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool is_hashed_folder(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL)
    return false;
  bool found = false;
  for (const struct dirent *entry = readdir(folder); entry != NULL && !found;
       entry = readdir(folder))
    found = is_hashed_name(entry->d_name);
  closedir(folder);
  return found;
}

/* Only OpenSSL and its kin look certificates up by their hash. */
static bool looks_up_by_hash(const curl_version_info_data *info) {
  return info->ssl_version != NULL && strstr(info->ssl_version, "SSL/") != NULL &&
         strncmp(info->ssl_version, "wolf", 4) != 0;
}

/* The folder is looked at once in a process: it has hundreds of files, and many handles ask. */
static pthread_once_t folder_once = PTHREAD_ONCE_INIT;
static bool folder_is_hashed;

static void look_at_folder(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  folder_is_hashed =
      info->capath != NULL && looks_up_by_hash(info) && is_hashed_folder(info->capath);
}

CURLcode trust_set_system(CURL *easy) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  pthread_once(&folder_once, look_at_folder);
  if (folder_is_hashed) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CAPATH, info->capath) : code;
  }
  /* No bundle known: whatever the TLS library finds by itself. */
  return info->cainfo == NULL ? CURLE_OK : curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}
