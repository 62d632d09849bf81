/* The engine of a single node: the LMDB transaction itself is the commit. Changes that wait share one.
 *
 * What it keeps in META, numbers as big-endian u64:
 *   "revision"            of the last change
 *   "hash"                of all changes so far: FNV-1a (64 bits) over, for each of them, its revision, its
 *                         operations (type, table, key, value) and its log entry, with their lengths; a
 *                         function of the applied changes only, so equal histories have equal hashes
 *   "cluster_id"          32 hexadecimal digits, made at random with the store
 *   "log_first"           the oldest change that the log still has
 *   "id\0" ID             the revision of that proposal, as long as the log has it
 *   "rev\0" REVISION      and back
 *   "range\0" TABLE PREFIX  (TABLE one byte, 'r' or 'd') the revision that last wrote or deleted a key with
 *                         that prefix
 */
#ifndef CLUSTER_LOCAL_H
#define CLUSTER_LOCAL_H

#include "cluster/engine.h"

struct loop;

struct local_options {
    uint64_t log_keep; /* change-log entries that are kept, at least 1; older ones are compacted */
    engine_applied_fn on_applied; /* as in engine.h; may be NULL */
    void *user;
};

/* Makes an engine over the store (opened read-write; borrowed), committing on a thread of the loop's pool.
 * Nothing else may write to the store while the engine lives. */
enum err_code local_create(struct loop *loop, struct store *store,
                           const struct local_options *options, struct engine **ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
