/* One item of a request while it is on its way: what it wants, and what the snapshot says about it. Internal to
 * change/.
 */
#ifndef CHANGE_CHANGE_ENTRY_H
#define CHANGE_CHANGE_ENTRY_H

#include "base/hmap.h"
#include "change/change.h"

struct change_entry {
    enum change_command command;
    struct model_resource *resource; /* PUT, else NULL; owned */
    struct model_ref ref;            /* points into resource, or into key.p of a DELETE */
    char *path;                      /* owned */
    enum store_table table;
    struct str key;   /* owned */
    struct str label; /* "route default/api", NUL-terminated; owned */
    bool range; /* DELETE: all documents of a collection, which label names; key is their prefix */

    /* Set for each snapshot by change_view_create(): */
    struct hmap_node node;         /* in the view, by key */
    bool twice;                    /* an earlier entry has the same key; not in the view */
    uint64_t revision;             /* before this change, 0 when absent */
    struct model_resource *before; /* owned; NULL when absent */
};

/* Takes over the item's resource. False, with the resource destroyed, when nothing can have such a name. */
bool change_entry_init(struct change_entry *e, const struct change_item *item)
    __attribute__((warn_unused_result));
void change_entry_finish(struct change_entry *e);

/* Whether it is a PUT or DELETE of that kind. */
bool change_entry_is(const struct change_entry *e, enum change_command command,
                     enum model_kind kind);

#endif
