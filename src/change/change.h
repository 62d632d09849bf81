/* The one path of a change: the admin API, init_resources and modules all submit here.
 *
 * decode -> compile (modules) -> references against the current state, noting as guards what was relied on
 * -> engine -> (conflict: again, a bounded number of times) -> workers confirm -> done.
 */
#ifndef CHANGE_CHANGE_H
#define CHANGE_CHANGE_H

#include "base/err.h"
#include "cluster/engine.h"
#include "model/model.h"
#include "store/store.h"

struct change_sink;
struct loop;

enum change_command { CHANGE_PUT, CHANGE_DELETE };

struct change_item {
    enum change_command command;
    struct model_resource *resource; /* PUT: owned by the change from here on */
    struct model_ref ref; /* DELETE: what (copied). A document with an empty name: all of the
                                      * collection */
    const char *path;     /* for problems: "" or "routes[0]"; copied */
};

struct change_request {
    struct change_item *items;
    size_t item_count;
    struct str author; /* authenticated user, "" when none; for the change log */
    struct str source; /* "admin", "config", "module default/name" */
    /* Extra META writes that belong to the change (init hashes); borrowed during the call. */
    const struct engine_op *meta_ops;
    size_t meta_op_count;
    bool
        only_if_absent; /* not used by PUTs of the API; a namespace "default" made at first start */
};

struct change_result {
    struct err error;               /* code OK when it was committed */
    struct model_problems problems; /* INVALID: all that is wrong; freed by change after done */
    uint64_t revision;
    bool created;   /* single PUT: it did not exist before */
    json_t *stored; /* single PUT: the stored object for the API (borrowed) */
};

/* Called exactly once, on the loop, never from within change_submit(). */
typedef void (*change_done_fn)(void *user, const struct change_result *result);

/* Compiles a module's source; done is called once on the loop, with compiled (a new reference that the
 * callee takes) or with NULL and at least one problem, or with NULL, no problem and an error (no compiler). */
typedef void (*change_compiled_fn)(void *user, json_t *compiled, struct model_problems *problems,
                                   const struct err *error);

/* What the sink asks of its surroundings. */
struct change_host {
    void *user;
    void (*compile)(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user);
    /* Tells the workers about an applied change and calls done when all live ones serve it (or were
     * skipped). */
    void (*publish)(void *user, const struct engine_applied *applied);
    void (*when_served)(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user);
};

struct change_options {
    bool
        default_namespace; /* the namespace "default" is implied (disable_default_namespace unset) */
    uint32_t conflict_retries;
    uint32_t pending_max; /* changes waiting at once: UNAVAILABLE past it */
};

struct change_sink *change_create(struct loop *loop, struct store *store, struct engine *engine,
                                  const struct change_host *host,
                                  const struct change_options *options);
void change_destroy(struct change_sink *c);

/* Takes over the items' resources. */
void change_submit(struct change_sink *c, const struct change_request *request, change_done_fn done,
                   void *user);

#endif
