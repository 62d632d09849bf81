/* What modules ask to change, carried out by control: the same path as the admin API's. */
#ifndef SERVER_MODULE_CALLS_H
#define SERVER_MODULE_CALLS_H

#include "change/change.h"
#include "server/links.h"

/* Carries out one call (an enum script_state_op that writes resources) and answers it with links_reply(). */
void module_calls_run(struct change_sink *sink, struct links_call *call, uint64_t op, struct str ns,
                      struct str module, struct str args);

#endif
