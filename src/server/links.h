/* Control's side of the links to the workers: tells them what changed, knows who serves what, takes their calls. */
#ifndef SERVER_LINKS_H
#define SERVER_LINKS_H

#include "base/str.h"
#include "cluster/engine.h"
#include "server/launch.h"
#include "server/pages.h"

struct links;
struct links_call;
struct loop;

/* A worker's module asks for something (MESSAGE_CALL): the strs are valid during the call; answer with links_reply(),
 * exactly once, now or later. */
typedef void (*links_call_fn)(void *user, struct links_call *call, uint64_t op, struct str ns,
                              struct str module, struct str args);

struct links_options {
    const struct launch *launch; /* token and number of slots; borrowed */
    struct pages *pages;         /* borrowed */
    int listen_fd;               /* borrowed */
    uint64_t confirm_ms;         /* a worker that has not confirmed by then is skipped */
    links_call_fn on_call;
    void *user;
};

/* Does not accept yet: workers wait until links_open(). */
struct links *links_create(struct loop *loop, const struct links_options *options);
void links_open(struct links *l, uint64_t revision);
/* What waits in links_when_served() is done now. NULL is allowed. */
void links_close(struct links *l);

/* Tells every worker about an applied change. */
void links_publish(struct links *l, const struct engine_applied *applied);

/* Calls done once every live worker serves that revision, or was skipped: such a worker serves nothing before it has
 * caught up. May call done at once. */
void links_when_served(struct links *l, uint64_t revision, void (*done)(void *user), void *user);

/* Another control follows: tells the workers to send no more calls, takes no new links, and calls done (maybe at once) when
 * all calls that were made are answered. */
void links_pause(struct links *l, void (*done)(void *user), void *user);

/* Ends a call. The worker may be gone meanwhile, and the links closed. */
void links_reply(struct links_call *call, enum err_code code, struct str text);

#endif
