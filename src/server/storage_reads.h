/* What modules read of the replicated store, from a snapshot of it. */
#ifndef SERVER_STORAGE_READS_H
#define SERVER_STORAGE_READS_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

/* Appends the value of args.key in namespace ns as it is at now_ms (wall clock), or null. */
bool storage_reads_get(struct store_read *read, struct str ns, const json_t *args, uint64_t now_ms,
                       struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* Appends an array of {"key","value"}, in order of the keys' bytes: those that begin with args.prefix and come after
 * args.after, at most args.limit (100; at most 1000). */
bool storage_reads_list(struct store_read *read, struct str ns, const json_t *args, uint64_t now_ms,
                        struct buf *out, struct err *e) __attribute__((warn_unused_result));

#endif
