/* The state that a request is validated against: a snapshot of the store with the request's own items laid over it.
 * What is looked at in the store is noted as a guard; the request's own items are not. Internal to change/.
 */
#ifndef CHANGE_CHANGE_VIEW_H
#define CHANGE_CHANGE_VIEW_H

#include "change/change_entry.h"

struct change_view;

/* Sets the second part of the n entries, which must outlive the view. default_namespace: that namespace is there
 * without being stored. */
enum err_code change_view_create(struct store *store, struct change_entry *entries, size_t n,
                                 bool default_namespace, struct change_view **ret, struct err *e)
    __attribute__((warn_unused_result));
void change_view_destroy(struct change_view *v);

/* Ends the snapshot; guards stay. */
void change_view_end_snapshot(struct change_view *v);

/* Whether what ref names is there once the request is applied. */
bool change_view_exists(struct change_view *v, const struct model_ref *ref);

/* As that; *entry is the item that puts it (else NULL), *value what is stored (else empty). */
bool change_view_get(struct change_view *v, const struct model_ref *ref,
                     const struct change_entry **entry, struct str *value);

/* The request's own item for ref, or NULL. */
const struct change_entry *change_view_entry(const struct change_view *v,
                                             const struct model_ref *ref);

/* Everything of that kind, namespace and (documents, if not empty) collection that is there once the request is
 * applied; fn gets either entry or key and value, and returns whether to go on. */
struct change_view_item {
    const struct change_entry *entry; /* put by the request, or NULL */
    struct str key;
    struct str value;
};
typedef bool (*change_view_fn)(void *user, const struct change_view_item *item);
void change_view_each(struct change_view *v, const struct model_ref *scope, change_view_fn fn,
                      void *user);

/* What was looked at. Borrowed. */
const struct engine_guard *change_view_guards(const struct change_view *v, size_t *count);

#endif
