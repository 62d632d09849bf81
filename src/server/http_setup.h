/* What every HTTP server and client of the program takes from the configuration. */
#ifndef SERVER_HTTP_SETUP_H
#define SERVER_HTTP_SETUP_H

#include "config/config.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "proxy/proxy.h"
#include "script/fetch.h"

struct line_writer;
struct loop;

/* The limits of message heads and trailers. */
struct http1_limits http_setup_limits(const struct config_limits *l);

/* Whether the access log can be opened, if there is to be one. */
enum err_code http_setup_try_access_log(const struct config *c, struct err *e)
    __attribute__((warn_unused_result));

/* Opens the access log that the configuration names. */
enum err_code http_setup_access_log(struct loop *loop, const struct config *c,
                                    struct line_writer **ret, struct err *e)
    __attribute__((warn_unused_result));

/* The options of the proxy's own server; others change what differs. */
struct http_server_options http_setup_server(const struct config_limits *l);

/* The options of the proxy's own client; others change what differs. */
struct http_client_options http_setup_client(const struct config_limits *l,
                                             struct resolver *resolver);

/* The options of a proxy for whoever asks it: without what is for clients of a listener, the node and the log. */
struct proxy_options http_setup_proxy(const struct config *c);

/* The options of modules' fetches. */
struct fetch_options http_setup_fetch(const struct config *c, struct resolver *resolver);

/* The resolver of a process. Never NULL. */
struct resolver *http_setup_resolver(struct loop *loop);

#endif
