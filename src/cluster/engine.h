/* The change engine: turns proposals into committed, applied changes. Nothing above this interface knows
 * which engine it talks to (`local` now; `etcd` for clusters).
 *
 * A change is proposed with guards: what its validation relied on. It is committed at the next revision R,
 * applied to the store together with R and its change-log entry, and then reported; or refused without a
 * trace.
 */
#ifndef CLUSTER_ENGINE_H
#define CLUSTER_ENGINE_H

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct engine;

/* The limits of every engine (they are etcd's): operations of one proposal, and bytes of all its keys,
 * values, guards and its log entry (engine_proposal_bytes()). Past them it is refused as TOO_LARGE. */
enum { ENGINE_OPS_MAX = 100, ENGINE_GUARDS_MAX = 1000, ENGINE_BYTES_MAX = 1024 * 1024 };
enum { ENGINE_ID_MAX = 100 };

enum engine_op_type { ENGINE_PUT, ENGINE_DELETE, ENGINE_DELETE_PREFIX };

/* One write. The engine puts the revision before the values of RESOURCES, DOCUMENTS (JSON) and ENTRIES (any bytes). A DELETE of
 * an absent key refuses the whole proposal (NOT_FOUND), a DELETE_PREFIX of nothing does not. One proposal
 * names a key at most once. */
struct engine_op {
    enum engine_op_type type;
    enum store_table table; /* RESOURCES, DOCUMENTS, ENTRIES, or META for "init\0..." keys */
    struct str key;   /* DELETE_PREFIX: ends in the NUL of a whole prefix, as in engine_guard */
    struct str value; /* PUT only */
};

enum engine_guard_type {
    ENGINE_GUARD_REVISION, /* key's revision is still `revision` (0: it is absent) */
    ENGINE_GUARD_RANGE,    /* no key that begins with `key` (a whole prefix of kind\0ns\0, or of
                            * document\0ns\0collection\0) was written or deleted after `revision`; not for
                            * ENTRIES */
};

struct engine_guard {
    enum engine_guard_type type;
    enum store_table table;
    struct str key;
    uint64_t revision;
};

/* What the change-log entry says; strs must live until propose returns (it copies everything). */
struct engine_proposal {
    struct str
        id; /* unique, 1 to ENGINE_ID_MAX bytes; for engine_lookup(). One that is already committed
                    * is not applied again: COMMITTED with the revision it has */
    const struct engine_op *ops;
    size_t op_count;
    const struct engine_guard *guards;
    size_t guard_count;
    struct str
        log; /* JSON object of the change-log entry; the engine adds "revision" to it. Empty, with
                     * operations on ENTRIES only: it is not in the change log */
};

enum engine_outcome {
    ENGINE_COMMITTED,
    ENGINE_CONFLICT, /* a guard failed: validate again and propose again */
    ENGINE_REFUSED,  /* for good; the error says why (NO_SPACE, IO, TOO_LARGE, NOT_FOUND, INVALID,
                     * UNAVAILABLE) and nothing is visible */
    ENGINE_UNKNOWN,  /* it may or may not be committed: engine_lookup() or repeat */
};

struct engine_result {
    enum engine_outcome outcome;
    uint64_t revision; /* COMMITTED */
    struct err error;  /* the others */
};

/* Called exactly once per proposal, on the loop, never from within engine_propose(). For COMMITTED the
 * store already holds the change. */
typedef void (*engine_done_fn)(void *user, const struct engine_result *result);

/* Called on the loop for every change that the store now holds, in revision order, before the proposal's
 * done function: keys are those of all tables but META that it wrote or deleted; one that ends in NUL
 * is the prefix of a DELETE_PREFIX. A reset (revision 0 ..) means: everything may have changed. */
struct engine_key {
    enum store_table table;
    struct str key;
};
struct engine_applied {
    uint64_t revision;
    bool reset;
    const struct engine_key *keys;
    size_t key_count;
};
typedef void (*engine_applied_fn)(void *user, const struct engine_applied *applied);

struct engine_status {
    uint64_t revision; /* applied here */
    bool writable;
    const char *kind; /* "local" */
    size_t pending;
};

/* The operations of one engine. */
struct engine_impl {
    void (*propose)(struct engine *g, const struct engine_proposal *p, engine_done_fn done,
                    void *user);
    void (*lookup)(struct engine *g, struct str id, engine_done_fn done, void *user);
    void (*status)(const struct engine *g, struct engine_status *ret);
    void (*close)(struct engine *g, void (*closed)(void *user), void *user);
};

/* The common part of every engine; embedded first in its struct. */
struct engine {
    const struct engine_impl *impl;
    engine_applied_fn on_applied;
    void *user;
};

void engine_propose(struct engine *g, const struct engine_proposal *p, engine_done_fn done,
                    void *user);

/* Whether the proposal with that id was committed: COMMITTED with its revision, or REFUSED (NOT_FOUND). */
void engine_lookup(struct engine *g, struct str id, engine_done_fn done, void *user);
void engine_status_get(const struct engine *g, struct engine_status *ret);

/* What counts towards ENGINE_BYTES_MAX. */
size_t engine_proposal_bytes(const struct engine_proposal *p);

/* What every engine checks first; a proposal that fails is REFUSED with the error: OK, TOO_LARGE, or INVALID (a key, a prefix, a table,
 * the id or the log entry is not as described above). */
enum err_code engine_proposal_check(const struct engine_proposal *p, struct err *e)
    __attribute__((warn_unused_result));

/* Finishes what is pending, then calls closed, on a later turn of the loop, and frees the engine. What is
 * proposed meanwhile is refused (UNAVAILABLE). */
void engine_close(struct engine *g, void (*closed)(void *user), void *user);

#endif
