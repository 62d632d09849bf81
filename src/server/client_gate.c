#include "server/client_gate.h"

#include "node/node_counts.h"
#include "node/node_segment.h"

/* Of the keys in the node's counts; proxy/ has others. */
enum { KEY_CONNECTIONS = 'n' };

static bool enter(void *user, const char *address, uint32_t *ticket)
{
    const struct client_gate *g = user;
    struct node_counts *counts = node_segment_counts(g->node);
    uint64_t key = node_segment_key(g->node, KEY_CONNECTIONS, str_of(address), (struct str){0});
    uint32_t sum = 0;
    uint32_t slot = node_counts_add(counts, g->worker, key, &sum);
    if (sum > g->connections_max) {
        node_counts_drop(counts, g->worker, slot);
        return false;
    }
    *ticket = slot;
    return true;
}

static void leave(void *user, uint32_t ticket)
{
    const struct client_gate *g = user;
    node_counts_drop(node_segment_counts(g->node), g->worker, ticket);
}

struct http_server_gate client_gate_for_server(struct client_gate *g)
{
    return (struct http_server_gate){.enter = enter, .leave = leave, .user = g};
}
