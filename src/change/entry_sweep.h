/* Deletes expired entries of the replicated store: walks all of them when the first is due, a bounded number at a time,
 * and not at all while nothing expires. Internal to change/.
 */
#ifndef CHANGE_ENTRY_SWEEP_H
#define CHANGE_ENTRY_SWEEP_H

#include "change/entry_usages.h"
#include "cluster/engine.h"

struct entry_sweep;
struct loop;

/* All borrowed. Walks once at the start, to learn what expires. */
struct entry_sweep *entry_sweep_create(struct loop *loop, struct store *store,
                                       struct engine *engine, struct entry_usages *usages);

/* When the engine is closed. NULL is allowed. */
void entry_sweep_destroy(struct entry_sweep *s);

/* Something expires at expires_ms (wall clock). */
void entry_sweep_note(struct entry_sweep *s, uint64_t expires_ms);

#endif
