/* What modules read of the state: collections, documents, secrets and the replicated store, from a snapshot. */
#ifndef SERVER_STATE_READS_H
#define SERVER_STATE_READS_H

#include "base/buf.h"
#include "script/script.h"
#include "store/store.h"

/* Carries out an enum script_state_op that script_state_reads() for a module of namespace ns, with its JSON args; appends the JSON result. False with e
 * filled: an unknown collection, wrong arguments, a result past out's maximum. */
bool state_reads_run(struct store_read *read, enum script_state_op op, struct str ns,
                     struct str args, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
