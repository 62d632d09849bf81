/* The admin API: answers requests about the resources, the change log and the state of the server
 * (docs/admin-api.md). Reads come from the store, writes go to the change sink; which engine is behind it makes
 * no difference here.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "admin/admin_auth.h"

struct admin;
struct buf;
struct change_sink;
struct exchange;
struct node_segment;
struct store;

struct admin_options {
    struct store *store;            /* borrowed */
    struct change_sink *changes;    /* borrowed */
    struct admin_auth_options auth; /* copied */
    bool default_namespace;         /* a namespace that is not named is "default" */
    size_t body_max;                /* bytes of one request's body: 413 past it */
    const char *version;            /* copied */
    struct node_segment *node;      /* where the health of upstreams is; borrowed */
    bool (*ready)(void *user);      /* whether the server serves traffic: /readyz */
    /* Writes what /metrics answers (codec/metrics_text.h); false when out is full. NULL: there is no /metrics. */
    bool (*metrics)(void *user, struct buf *out);
    void *user;
};

/* Never NULL. */
struct admin *admin_create(const struct admin_options *options);

/* Changes that were submitted go on; nobody is told about them. a may be NULL. Every exchange must be done. */
void admin_destroy(struct admin *a);

/* Takes over one request: an http_server_fn whose user is the struct admin. */
void admin_handle(void *user, struct exchange *x);

#endif
