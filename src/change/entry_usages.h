/* How much of the replicated store each namespace uses: counted in the store when first asked for, then kept by what is
 * noted here. Internal to change/.
 */
#ifndef CHANGE_ENTRY_USAGES_H
#define CHANGE_ENTRY_USAGES_H

#include "base/hmap.h"
#include "store/store.h"

struct entry_usage {
    struct hmap_node node; /* by name */
    char *ns;
    int64_t entries; /* expired ones that are not swept yet included */
    int64_t bytes;   /* of keys and JSON */
};

struct entry_usages {
    struct hmap all;
};

void entry_usages_init(struct entry_usages *u);
void entry_usages_finish(struct entry_usages *u);

/* A namespace's; read is asked when it is not known yet. Valid until it is forgotten. */
struct entry_usage *entry_usages_get(struct entry_usages *u, struct store_read *read,
                                     struct str ns);

/* Adds to what is known, if it is; both may be negative. */
void entry_usages_add(struct entry_usages *u, struct str ns, int64_t entries, int64_t bytes);

/* The namespace is gone, or nothing is known any more. */
void entry_usages_forget(struct entry_usages *u, struct str ns);
void entry_usages_clear(struct entry_usages *u);

#endif
