/* At most so many open connections per client address, over all workers of the node. */
#ifndef SERVER_CLIENT_GATE_H
#define SERVER_CLIENT_GATE_H

#include "http/http_server.h"

struct node_segment;

struct client_gate {
    struct node_segment *node; /* borrowed */
    uint32_t worker;           /* whose column of the counts is ours */
    uint32_t connections_max;  /* > 0 */
};

/* What an HTTP server asks; g must live as long as that server. */
struct http_server_gate client_gate_for_server(struct client_gate *g);

#endif
