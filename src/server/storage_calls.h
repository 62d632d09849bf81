/* What modules ask of the replicated store beyond what a worker reads itself, carried out by control. */
#ifndef SERVER_STORAGE_CALLS_H
#define SERVER_STORAGE_CALLS_H

#include "change/entries.h"
#include "server/links.h"

/* Whether it is one of those: the enum script_state_op from SCRIPT_STORAGE_READ on. */
bool storage_calls_concern(uint64_t op);

/* Such a question as a request to the store; what it has is borrowed from ns and args. ERR_INVALID: a number of args is wrong. */
bool storage_calls_read(uint64_t op, struct str ns, const json_t *args, struct entries_request *q,
                        struct err *e) __attribute__((warn_unused_result));

/* Carries out one and answers it with links_reply(). */
void storage_calls_run(struct entries *entries, struct links_call *call, uint64_t op, struct str ns,
                       struct str args);

#endif
