/* A worker's view of the state: follows control, reads the store, keeps the catalog up to date. Also carries the calls of
 * modules to control.
 */
#ifndef SERVER_REPLICA_H
#define SERVER_REPLICA_H

#include "proxy/catalog.h"
#include "script/script.h"
#include "server/launch.h"
#include "server/pages.h"

struct loop;
struct node_segment;
struct replica;

struct replica_options {
    const struct launch *launch; /* borrowed, as all below */
    uint32_t slot;               /* of this worker */
    struct pages *pages;
    struct catalog *catalog;
    struct node_segment *node; /* switches of routes that are deleted; NULL: none */
    uint64_t alone_ms;         /* without control for so long, serves what the store has */
    /* The catalog holds a state for the first time. */
    void (*on_loaded)(void *user);
    void *user;
};

struct replica *replica_create(struct loop *loop, const struct replica_options *options);
void replica_destroy(struct replica *r);

/* Whether the catalog may be served from. Control may have given up waiting for this worker: then what it missed is loaded
 * here and now; false when that fails. Cheap when there is nothing to do. */
bool replica_catch_up(struct replica *r) __attribute__((warn_unused_result));

/* Carries out what a module asks of the state (struct script_host): reads from the store at once, writes through control.
 * When the link breaks meanwhile, done gets UNKNOWN_OUTCOME. */
void replica_state(struct replica *r, const struct script_state_request *request,
                   script_state_done done, void *done_user);

/* The same for a read, while the caller waits. False with e filled. */
bool replica_state_now(struct replica *r, const struct script_state_request *request,
                       struct buf *out, struct err *e) __attribute__((warn_unused_result));

#endif
