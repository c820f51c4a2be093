/* The options of a client that concern its connections, one row each. */
#ifndef MIC_CONNECTION_OPTIONS_H
#define MIC_CONNECTION_OPTIONS_H

#include <curl/curl.h>

#include "../base.h"

MIC_PRIVATE_BEGIN

/* X(name, values, option, proxy_option)
   name: its name in the client's configuration, and the member that holds its text.
   values: which texts are accepted, with which values for libcurl.
   option, proxy_option: the options of libcurl that it sets for the server and for an HTTPS proxy;
   0: none. What a row cannot say is in connection_options_set. */
#define CONNECTION_OPTIONS(X)                                                                      \
  X(ca_file, ANY_TEXT, 0, 0)                                                                       \
  X(ca_file_name, ANY_TEXT, 0, 0) /* the name of ca_file in messages */                            \
  X(ca_path, ANY_TEXT, 0, 0)                                                                       \
  X(client_cert, ANY_TEXT, 0, 0)                                                                   \
  X(client_key, ANY_TEXT, 0, 0)                                                                    \
  X(http_version, HTTP_VERSIONS, CURLOPT_HTTP_VERSION, 0)                                          \
  X(min_version, TLS_VERSIONS, CURLOPT_SSLVERSION, CURLOPT_PROXY_SSLVERSION)                       \
  X(pinned_public_key, ANY_TEXT, CURLOPT_PINNEDPUBLICKEY, 0)                                       \
  X(proxy, ANY_TEXT, CURLOPT_PROXY, 0)                                                             \
  X(user_agent, ANY_TEXT, 0, 0)

struct connection_options {
#define MEMBER(name, values, option, proxy_option) char *name; /* owned; NULL: not given */
  CONNECTION_OPTIONS(MEMBER)
#undef MEMBER
  uint64_t key_mark; /* unique per client: see client_identity.h; 0: not set */
};

/* The name of the option with this index; NULL after the last one. */
const char *connection_option_name(size_t index);
/* What is wrong with a text for it, to follow the name; NULL if nothing. */
const char *connection_option_problem(size_t index, const char *text);
/* Keeps a copy of the text. False if out of memory. */
bool connection_option_keep(struct connection_options *options, size_t index, const char *text);

/* Sets all options on a new handle. */
CURLcode connection_options_set(struct connection_options *options, CURL *easy);
/* True if the options or the environment name a proxy. */
bool connection_options_may_proxy(const struct connection_options *options);
/* Wipes and frees the texts. */
void connection_options_clear(struct connection_options *options);

MIC_PRIVATE_END
#endif
