/* Exchanges by libcurl, for what our own client does not speak: https, and proxies of the environment. An implementation of
 * http_client.h. It speaks HTTP/1.1 only, so that a reader who stops stops the sender.
 */
#ifndef SCRIPT_FETCH_CURL_H
#define SCRIPT_FETCH_CURL_H

#include "http/http_client.h"

struct fetch_curl_options {
    struct http1_limits limits;
    uint64_t idle_timeout_ms; /* between bytes */
    uint64_t keepalive_ms;
    size_t buffer; /* of a response's body */
    size_t request_memory;
    uint32_t connections_max; /* per host and port; what is more waits */
    uint32_t idle_max;
    bool
        refuse_private; /* connect to no address that ip_address_is_private() names, and use no proxies */
};

/* As http_client_create(). A request's head.scheme is "https" or "http"; a body must have been sent whole before the
 * request begins. */
struct http_client *fetch_curl_create(struct loop *loop, const struct fetch_curl_options *options);

/* Whether the environment names a proxy for http. */
bool fetch_curl_has_http_proxy(void);

#endif
