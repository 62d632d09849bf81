/* The one path of a change: the admin API, init_resources and modules all submit here.
 *
 * compile (modules) -> references against the current state, noting as guards what was relied on -> JSON Schema ->
 * engine ->
 * (conflict: again, a bounded number of times) -> workers confirm -> done.
 *
 * All items of a request form one validation: they may refer to each other in any order, and one that is
 * wrong refuses all. What fits the limits of one proposal (cluster/engine.h) is applied at once. A larger
 * request is applied in several changes after all of it was validated, ordered so that the state holds
 * together after each; a failure between them (a full disk, a conflict that does not end) leaves the first
 * ones applied, with their own meta_ops and no others.
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
    struct model_ref
        ref; /* DELETE: what (copied). A document with an empty name: all of the collection */
    const char *path; /* for problems: "" or "routes[0]"; copied */
};

struct change_request {
    struct change_item *items;
    size_t item_count;
    struct str author; /* authenticated user, "" when none; for the change log */
    struct str source; /* "admin", "config", "module default/name" */
    /* Extra META writes that belong to the change (init hashes); copied. One with the key "init\0" and the
     * model key of an item is applied together with that item, the others with the last. */
    const struct engine_op *meta_ops;
    size_t meta_op_count;
};

/* error.code is OK when it was committed and is served; else error.msg says everything in one sentence:
 *   INVALID          something is wrong with the request; problems says what, all of it
 *   NOT_FOUND        a single DELETE of what is not there
 *   CONFLICT         a single DELETE of what is still used (the users are named)
 *   UNAVAILABLE      too many changes wait, or others changed the same things again and again
 *   UNKNOWN_OUTCOME  the engine does not know whether it was committed
 *   TOO_LARGE, NO_SPACE, IO, ... from the engine
 * Unless it is UNKNOWN_OUTCOME nothing was changed (but see the top about large requests). */
struct change_result {
    struct err error;
    struct model_problems problems; /* freed by the sink after done */
    uint64_t revision;              /* of the (last) change */
    bool created;                   /* single PUT: it did not exist before */
    json_t *stored;                 /* single PUT: the stored object for the API (borrowed) */
};

/* Called exactly once, on the loop, never from within change_submit(). */
typedef void (*change_done_fn)(void *user, const struct change_result *result);

/* Compiles a module's source; done is called once on the loop, with compiled (a new reference that the
 * callee takes) or with NULL and at least one problem, or with NULL, no problem and an error (no compiler). */
typedef void (*change_compiled_fn)(void *user, json_t *compiled, struct model_problems *problems,
                                   const struct err *error);

/* Checks documents against a JSON Schema; done is called once on the loop, with a JSON array of problems (borrowed): each an
 * object with "text" and, if it is not the schema's, "document", its index; or with NULL and an error. */
typedef void (*change_validated_fn)(void *user, const json_t *problems, const struct err *error);

/* What the sink asks of its surroundings; nothing here calls back from within. */
struct change_host {
    void *user;
    void (*compile)(void *user, const struct model_module *m, struct str source,
                    change_compiled_fn done, void *done_user);
    /* label says what it is for; schema and documents (an array) are borrowed during the call. */
    void (*validate)(void *user, const char *label, const json_t *schema, const json_t *documents,
                     change_validated_fn done, void *done_user);
    /* Tells the workers about an applied change. */
    void (*publish)(void *user, const struct engine_applied *applied);
    /* Calls done when all live workers serve it (or were skipped). */
    void (*when_served)(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user);
};

struct change_options {
    bool
        default_namespace; /* "default" is there without being made (disable_default_namespace unset) */
    uint32_t conflict_retries;
    uint32_t pending_max; /* changes waiting at once: UNAVAILABLE past it */
    /* In bytes; what is larger is a problem (INVALID). */
    size_t source_max;   /* a module's source, at most MODEL_SOURCE_MAX */
    size_t compiled_max; /* its compiled form, as JSON */
    size_t document_max; /* a document's data, as JSON */
    size_t schema_max;   /* a collection's schema, as JSON */
};

/* store, engine and what host needs are borrowed; host and options are copied. Never NULL. */
struct change_sink *change_create(struct loop *loop, struct store *store, struct engine *engine,
                                  const struct change_host *host,
                                  const struct change_options *options);
/* When the engine is closed and the host calls back nothing more. What still waits is done with CANCELED. */
void change_destroy(struct change_sink *s);

/* The engine's on_applied: passes it on to host.publish. */
void change_on_applied(struct change_sink *s, const struct engine_applied *applied);

/* Takes over the items' resources. A document's and a secret's created_at and updated_at are set here. */
void change_submit(struct change_sink *s, const struct change_request *request, change_done_fn done,
                   void *user);

#endif
