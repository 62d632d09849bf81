/* JSON Schemas of collections in memory: the server's validator checks them and the documents, with its messages. */
#ifndef RUNTIME_MEMORY_SCHEMA_H
#define RUNTIME_MEMORY_SCHEMA_H

#include <jansson.h>

#include "model/model.h"

struct compiler_link;

struct memory_schema {
    struct compiler_link
        *validator;    /* a process of its own, borrowed; NULL: it could not be started */
    size_t schema_max; /* bytes of a schema, as JSON */
};

/* Whether a collection may have that schema; NULL and null are none. False with e filled when it may not. */
bool memory_schema_allows(const struct memory_schema *s, const struct model_collection *c,
                          struct err *e) __attribute__((warn_unused_result));

/* Whether the document fits the schema of its collection; NULL and null are none. False with e filled when it does not. */
bool memory_schema_fits(const struct memory_schema *s, const json_t *schema,
                        const struct model_document *d, struct err *e)
    __attribute__((warn_unused_result));

#endif
