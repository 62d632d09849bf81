/* What a call does to an entry of the modules' store, in memory; the same wherever the entry is kept. */
#ifndef CHANGE_ENTRY_APPLY_H
#define CHANGE_ENTRY_APPLY_H

#include "change/entries.h"

/* An entry's content while calls are applied to it. */
struct entry_content {
    json_t *value;       /* NULL: there is none */
    uint64_t expires_ms; /* wall clock; 0: never */
    size_t json_len;
    bool changed;
};

struct entry_applying {
    struct str ns;
    struct str key;
    const struct entries_options *limits;
    int64_t entries;    /* that the namespace has before */
    int64_t bytes;      /* of their keys and JSON */
    int64_t stored_len; /* key and JSON of this one before; 0: nothing */
    uint64_t now_ms;    /* wall clock */
    struct entry_content content;
};

/* Whether it can be done whatever is stored: the key, and null as the value of PUT. */
bool entry_apply_check(const struct entries_request *q, struct err *e)
    __attribute__((warn_unused_result));

/* Applies a call (ns and key of q are not looked at) to a->content, whose value a owns; that of q
 * may become it. Returns the result, which the caller
 * releases, or NULL with e filled as entries_done_fn says; content is then as before. */
json_t *entry_apply(struct entry_applying *a, const struct entries_request *q, struct err *e)
    __attribute__((warn_unused_result));

#endif
