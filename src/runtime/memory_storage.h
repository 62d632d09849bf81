/* The store of modules (dgate/storage) in memory, for modules that run without a server: calls do to an entry what they
 * do in a server (change/entry_apply.h), with its limits, and all is gone with the process. One namespace, "default".
 */
#ifndef RUNTIME_MEMORY_STORAGE_H
#define RUNTIME_MEMORY_STORAGE_H

#include <jansson.h>

#include "base/vec.h"
#include "change/entries.h"
#include "script/script.h"

struct memory_storage_entry {
    char *key;
    json_t *value;
    size_t json_len;
    uint64_t expires_ms; /* wall clock; 0: never */
};

struct memory_storage {
    struct entries_options limits;
    struct {
        VEC_OF(struct memory_storage_entry);
    } entries;           /* in the order of their keys' bytes */
    int64_t bytes;       /* of keys and JSON */
    uint64_t expires_ms; /* of the one that expires first; 0: none does */
};

void memory_storage_init(struct memory_storage *s, const struct entries_options *limits);
void memory_storage_finish(struct memory_storage *s);
void memory_storage_clear(struct memory_storage *s);

/* Whether it is one of the SCRIPT_STORAGE_ questions. */
bool memory_storage_concerns(enum script_state_op op);

/* Its result at now_ms (wall clock), which the caller releases; NULL with e filled when it is an error. */
json_t *memory_storage_run(struct memory_storage *s, enum script_state_op op, const json_t *args,
                           uint64_t now_ms, struct err *e) __attribute__((warn_unused_result));

#endif
