#include "base.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "trust.h"

/* "0a1b2c3d.0": eight hex digits of the subject's hash, and a number. */
static bool is_hashed_name(const char *name) {
  for (size_t i = 0; i < 8; i++)
    if (!isxdigit((unsigned char)name[i]))
      return false;
  return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool is_certificate(const char *path) {
  static const char begin[] = "-----BEGIN CERTIFICATE-----";
  char line[sizeof begin] = "";
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return false;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  return read && strcmp(line, begin) == 0;
}

/* Whether a folder's files are named by hash; one of its certificates into `path`, "" for none. */
static bool is_hashed_folder(const char *folder_path, char *path, size_t size) {
  DIR *folder = opendir(folder_path);
  bool found = false;
  path[0] = '\0';
  if (folder == NULL)
    return false;
  for (const struct dirent *entry = readdir(folder); entry != NULL && path[0] == '\0';
       entry = readdir(folder)) {
    if (!is_hashed_name(entry->d_name))
      continue;
    found = true;
    snprintf(path, size, "%s/%s", folder_path, entry->d_name);
    if (!is_certificate(path))
      path[0] = '\0';
  }
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
static char one_of_folder[512];

static void look_at_folder(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  folder_is_hashed = info->capath != NULL && looks_up_by_hash(info) &&
                     is_hashed_folder(info->capath, one_of_folder, sizeof one_of_folder);
}

CURLcode trust_set_system(CURL *easy) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  pthread_once(&folder_once, look_at_folder);
  /* From 8.17 on libcurl reads its bundle unless it is given a file: one out of the folder changes
     nothing in what is trusted. */
  bool needs_file = info->version_num >= 0x081100;
  if (folder_is_hashed && (!needs_file || one_of_folder[0] != '\0')) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, needs_file ? one_of_folder : NULL);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CAPATH, info->capath) : code;
  }
  /* No bundle known: whatever the TLS library finds by itself. */
  return info->cainfo == NULL ? CURLE_OK : curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}
