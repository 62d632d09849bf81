/* Active health checks: control asks every URL of the services that have a healthPath, once per node, and writes what it
 * finds into the node segment, where the workers read it. It follows changes of services, and takes out of the
 * segment what is known of URLs that no service has any more.
 *
 * The last word on a URL stays in the segment while control is down; a new control goes on from there.
 */
#ifndef SERVER_HEALTH_CHECKS_H
#define SERVER_HEALTH_CHECKS_H

#include <stdint.h>

struct engine_applied;
struct health_checks;
struct http_client;
struct loop;
struct node_segment;
struct store;

struct health_checks_options {
    struct store *store; /* borrowed, as all here */
    struct http_client
        *client; /* connections are not kept for the next check: see its keepalive_ms */
    struct node_segment *node;
    uint32_t active_max; /* checks in flight; others wait for their turn */
};

/* Begins with the services that the store has. Never NULL. */
struct health_checks *health_checks_create(struct loop *loop,
                                           const struct health_checks_options *options);

/* A change was applied to the store: an engine_applied_fn. */
void health_checks_applied(void *user, const struct engine_applied *applied);

/* Ends all checks; what is known stays in the segment. Before the client is destroyed. NULL is allowed. */
void health_checks_destroy(struct health_checks *h);

#endif
