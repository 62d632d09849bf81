/* Collections, documents, secrets and the store of modules in memory, for modules that run without a server: what is
 * stored is decoded and checked as the admin API does, and gone with the process. One namespace, "default".
 */
#ifndef RUNTIME_MEMORY_STATE_H
#define RUNTIME_MEMORY_STATE_H

#include <jansson.h>

#include "runtime/memory_schema.h"
#include "runtime/memory_storage.h"
#include "script/script.h"
#include "script/script_clock.h"

struct memory_state {
    json_t *collections; /* by name, in the API's form */
    json_t *documents;   /* by collection, then by id */
    json_t *secrets;     /* the data by name */
    struct memory_storage storage;
    const struct script_clock *clock; /* what time it is when that is stopped; NULL: real time */
    struct memory_schema schema;      /* no validator until the owner sets one */
    size_t document_max;              /* bytes of a document's data, as JSON */
};

void memory_state_init(struct memory_state *s, size_t document_max,
                       const struct entries_options *storage);
void memory_state_finish(struct memory_state *s);
void memory_state_clear(struct memory_state *s);

/* What getSecret(name) gives from now on. False with e filled when the admin API would refuse it. */
bool memory_state_put_secret(struct memory_state *s, struct str name, struct str data,
                             struct err *e) __attribute__((warn_unused_result));

/* Appends the answer to one question of a module; false with e filled when it is an error. */
bool memory_state_answer(struct memory_state *s, const struct script_state_request *request,
                         struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* The same, from within, as struct script_host wants it. */
void memory_state_ask(struct memory_state *s, const struct script_state_request *request,
                      script_state_done done, void *user);

#endif
