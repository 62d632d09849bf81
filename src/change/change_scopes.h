/* Who changes what at the moment: changes of the same scope are executed one after the other, so that they do not
 * break each other's guards. A document is a scope, and a namespace with all else that is in it. What other nodes do,
 * and references from scope to scope, is left to the guards. Internal to change/.
 */
#ifndef CHANGE_CHANGE_SCOPES_H
#define CHANGE_CHANGE_SCOPES_H

#include "base/hmap.h"
#include "base/ilist.h"
#include "change/change_entry.h"

struct loop;
struct change_scopes;

/* One change's side; embedded in it, zeroed before the first use. */
struct change_scopes_user {
    struct ilist_node waiting;
    void (*enter)(
        struct change_scopes_user *u);  /* it has its scopes now; called from the loop or from
                                                  * change_scopes_enter() */
    const struct change_entry *entries; /* borrowed until it leaves */
    size_t n;
    struct change_scopes_lock *locks;
    size_t lock_count;
};

struct change_scopes *change_scopes_create(struct loop *loop);
void change_scopes_destroy(struct change_scopes *s); /* nobody is in it, or waits */

/* Calls u->enter as soon as nobody else is in one of its scopes: first come, first served among those that can. */
void change_scopes_enter(struct change_scopes *s, struct change_scopes_user *u);

/* Leaves, or stops waiting; no effect if neither. */
void change_scopes_leave(struct change_scopes *s, struct change_scopes_user *u);

#endif
