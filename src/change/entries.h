/* The replicated store of modules: JSON values under keys, per namespace, apart from the resources. Every write is a
 * proposal to the engine whose guards are the revisions of the entry and of its namespace.
 *
 * Calls for the same key are executed in the order in which they come. Those that wait while one is on its way to the engine go
 * there together: they are applied one after the other to the value in memory, and its last state is proposed
 * once. Each is answered when that is committed.
 */
#ifndef CHANGE_ENTRIES_H
#define CHANGE_ENTRIES_H

#include <jansson.h>

#include "base/err.h"
#include "cluster/engine.h"
#include "store/store.h"

struct entries;
struct loop;

struct entries_options {
    bool default_namespace; /* "default" is there without being made */
    uint32_t conflict_retries;
    uint32_t pending_max; /* calls at once: UNAVAILABLE past it */
    size_t value_max;     /* bytes of a value's JSON */
    uint64_t entries_max; /* per namespace */
    uint64_t bytes_max;   /* of keys and JSON, per namespace */
};

/* All borrowed but options. Never NULL. */
struct entries *entries_create(struct loop *loop, struct store *store, struct engine *engine,
                               const struct entries_options *options);

/* When the engine is closed. What still waits is done with CANCELED. */
void entries_destroy(struct entries *s);

enum entries_command {
    ENTRIES_READ,   /* -> the value, null when there is none */
    ENTRIES_PUT,    /* value, ttl -> null */
    ENTRIES_DELETE, /* -> whether it was there */
    ENTRIES_COMPARE, /* if the value is as expected (null: there is none): value, ttl (null: deletes) -> whether */
    ENTRIES_INCREMENT, /* by, ttl when there was none -> the sum */
};

struct entries_request {
    enum entries_command command;
    struct str ns; /* copied, as all below */
    struct str key;
    json_t *value; /* of PUT, COMPARE; never changed */
    const json_t *expected;
    double by;
    uint64_t ttl_ms; /* 0: for ever */
};

/* result is borrowed, NULL when error.code is not OK:
 *   INVALID          the key or value cannot be; INCREMENT of what is no number, or past what a number can hold
 *   NOT_FOUND        the namespace is gone
 *   TOO_LARGE        the value, or the namespace's store, would pass a limit, which is named
 *   UNAVAILABLE, UNKNOWN_OUTCOME, NO_SPACE, IO, ... as in change/change.h
 * Called exactly once, on the loop; before entries_submit() returns if the request cannot be. */
typedef void (*entries_done_fn)(void *user, const json_t *result, const struct err *error);

void entries_submit(struct entries *s, const struct entries_request *request, entries_done_fn done,
                    void *user);

/* The engine's on_applied. */
void entries_on_applied(struct entries *s, const struct engine_applied *applied);

#endif
