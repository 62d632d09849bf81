/* The engine of a single node: the LMDB transaction itself is the commit. Changes that wait share one. */
#ifndef CLUSTER_LOCAL_H
#define CLUSTER_LOCAL_H

#include "cluster/engine.h"

struct loop;

struct local_options {
    uint64_t log_keep; /* change-log entries that are kept; older ones are compacted */
};

/* Makes an engine over the store (opened read-write; borrowed), committing on a thread of the loop's pool.
 * on_applied is called as in engine.h. */
enum err_code local_create(struct loop *loop, struct store *store,
                           const struct local_options *options, engine_applied_fn on_applied,
                           void *user, struct engine **ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
