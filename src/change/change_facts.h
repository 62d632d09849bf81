/* What validation asks about stored routes and modules again and again, remembered by revision so that a
 * namespace with thousands of routes is not decoded for every change. Internal to change/.
 */
#ifndef CHANGE_CHANGE_FACTS_H
#define CHANGE_CHANGE_FACTS_H

#include "model/model.h"

struct change_facts;

struct change_facts *change_facts_create(void);
void change_facts_destroy(struct change_facts *f);

/* Drops what is known of key, or of everything; only to save memory. */
void change_facts_forget(struct change_facts *f, struct str key);
void change_facts_clear(struct change_facts *f);

struct change_facts_route {
    const struct model_route *route;
    struct model_strings canonical; /* of each path, in order (pattern_canonical()) */
};

/* The route stored as value under key, or NULL when it cannot be read. Valid until the next call that forgets. */
const struct change_facts_route *change_facts_route(struct change_facts *f, struct str key,
                                                    struct str value);

/* What the module stored as value under key imports. */
const struct model_strings *change_facts_imports(struct change_facts *f, struct str key,
                                                 struct str value);

/* The names in compiled["imports"], owned by the caller, who frees them with change_facts_free_strings(). */
struct model_strings change_facts_read_imports(const json_t *compiled);
void change_facts_free_strings(struct model_strings *list);

#endif
