/* What every HTTP server and client of the program takes from the configuration. */
#ifndef SERVER_HTTP_SETUP_H
#define SERVER_HTTP_SETUP_H

#include "config/config.h"
#include "http/http_client.h"
#include "http/http_server.h"

/* The limits of message heads and trailers. */
struct http1_limits http_setup_limits(const struct config_limits *l);

/* The options of the proxy's own server; others change what differs. */
struct http_server_options http_setup_server(const struct config_limits *l);

/* The options of the proxy's own client; others change what differs. */
struct http_client_options http_setup_client(const struct config_limits *l,
                                             struct resolver *resolver);

/* The resolver of a process. Never NULL. */
struct resolver *http_setup_resolver(struct loop *loop);

#endif
