#include "../base.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../process/process_environment.h"
#include "../process/randomness.h"
#include "../text/secret.h"
#include "client_identity.h"
#include "connection_options.h"
#include "trust.h"

/* Texts and numbers, not pointers: see words.h. */
struct option_values {
  char problem[24]; /* of any other text */
  struct {
    char text[4]; /* "": the option is not given */
    unsigned char value;
  } list[3];
};

enum { ANY_TEXT, HTTP_VERSIONS, TLS_VERSIONS };

static const struct option_values values_of[] = {
    [HTTP_VERSIONS] = {"must be \"2\" or \"1.1\"",
                       {{"2", CURL_HTTP_VERSION_2TLS},
                        {"1.1", CURL_HTTP_VERSION_1_1},
                        {"", CURL_HTTP_VERSION_NONE}}}, /* the newest over TLS */
    [TLS_VERSIONS] = {"must be \"1.2\" or \"1.3\"",
                      {{"1.2", CURL_SSLVERSION_TLSv1_2},
                       {"1.3", CURL_SSLVERSION_TLSv1_3},
                       {"", CURL_SSLVERSION_TLSv1_2}}},
};

struct connection_option {
  char name[18];
  unsigned char member, values; /* the offset of its member; an index of values_of */
  int option, proxy_option;     /* CURLoption */
};

static const struct connection_option rows[] = {
#define ROW(name, values, option, proxy_option)                                                    \
  {#name, offsetof(struct connection_options, name), values, option, proxy_option},
    CONNECTION_OPTIONS(ROW)
#undef ROW
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static char **text_of(struct connection_options *options, size_t index) {
  return (char **)(void *)((char *)options + rows[index].member);
}

const char *connection_option_name(size_t index) {
  return index < ROWS ? rows[index].name : NULL;
}

/* The entry of the text; the last one for NULL and any other text. */
static size_t find_value(const struct option_values *values, const char *text) {
  size_t found = 0;
  while (values->list[found].text[0] != '\0' &&
         (text == NULL || strcmp(values->list[found].text, text) != 0))
    found++;
  return found;
}

const char *connection_option_problem(size_t index, const char *text) {
  const struct option_values *values = &values_of[rows[index].values];
  if (rows[index].values == ANY_TEXT || values->list[find_value(values, text)].text[0] != '\0')
    return NULL;
  return values->problem;
}

bool connection_option_keep(struct connection_options *options, size_t index, const char *text) {
  char **kept = text_of(options, index);
  free(*kept);
  *kept = strdup(text);
  return *kept != NULL;
}

void connection_options_clear(struct connection_options *options) {
  for (size_t i = 0; i < ROWS; i++) {
    char *text = *text_of(options, i);
    if (text != NULL) /* proxy may hold a password */
      secret_wipe(text, strlen(text));
    free(text);
  }
  memset(options, 0, sizeof *options);
}

bool connection_options_may_proxy(const struct connection_options *options) {
  if (options->proxy != NULL)
    return options->proxy[0] != '\0';
  for (size_t i = 0; i < sizeof environment_proxies / sizeof environment_proxies[0]; i++)
    if (environment_get(environment_proxies[i]) != NULL)
      return true;
  return false;
}

/* ---- on a handle ---- */

static CURLcode set_option(CURL *easy, const struct connection_option *row, int option,
                           const char *text) {
  const struct option_values *values = &values_of[row->values];
  if (option == 0 || (row->values == ANY_TEXT && text == NULL))
    return CURLE_OK;
  if (row->values == ANY_TEXT)
    return curl_easy_setopt(easy, (CURLoption)option, text);
  return curl_easy_setopt(easy, (CURLoption)option,
                          (long)values->list[find_value(values, text)].value);
}

static CURLcode set_rows(struct connection_options *options, CURL *easy) {
  bool has_https_proxy =
      (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTPS_PROXY) != 0;
  CURLcode code = CURLE_OK;
  for (size_t i = 0; i < ROWS && code == CURLE_OK; i++) {
    const char *text = *text_of(options, i);
    code = set_option(easy, &rows[i], rows[i].option, text);
    if (code == CURLE_OK && has_https_proxy)
      code = set_option(easy, &rows[i], rows[i].proxy_option, text);
  }
  return code;
}

CURLcode connection_options_set(struct connection_options *options, CURL *easy) {
  if (options->key_mark == 0 && options->client_key != NULL)
    options->key_mark = randomness_bits();
  CURLcode code = trust_set(easy, options->ca_file, options->ca_path);
  if (code == CURLE_OK)
    code = client_identity_set(easy, options->client_cert, options->client_key, options->key_mark);
  if (code == CURLE_OK)
    code = set_rows(options, easy);
  if (code == CURLE_OK && options->proxy == NULL && environment_is_foreign())
    code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
  /* Requests carry User-Agent as a header line, which libcurl copies once instead of twice. This
     option is for the CONNECT to a proxy. */
  if (code == CURLE_OK && connection_options_may_proxy(options))
    code = curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
  return code;
}
