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

/* What the compiled form of a module says about others. */
struct change_import {
    char *name;   /* as written */
    int64_t line; /* 0: not known */
    int64_t column;
};
struct change_imports {
    VEC_OF(struct change_import);
};
struct change_module {
    struct change_imports imports;
    bool chooses_upstream; /* exports fetchUpstream or fetchUpstreamUrl */
    bool exports_all;      /* has an "export * from" */
};

/* That of the module stored as value under key; nothing when it cannot be read. Valid until the next call that
 * forgets. */
const struct change_module *change_facts_module(struct change_facts *f, struct str key,
                                                struct str value);

/* Reads compiled into *ret, which the caller finishes. */
void change_facts_read_module(const json_t *compiled, struct change_module *ret);
void change_facts_finish_module(struct change_module *m);

#endif
