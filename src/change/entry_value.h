/* How an entry of the replicated store is kept in STORE_ENTRIES. The key is "entry\0ns\0key"; behind the revision, which
 * the engine puts first, the value has the wall-clock time in ms at which it expires (u64, 0: never) and JSON.
 */
#ifndef CHANGE_ENTRY_VALUE_H
#define CHANGE_ENTRY_VALUE_H

#include "base/buf.h"
#include "base/err.h"

enum { ENTRY_VALUE_KEY_MAX = 255 };

/* Appends the store's key of an entry; of all entries of the namespace when key is empty (a prefix). False past out's
 * maximum. */
bool entry_value_key(struct buf *out, struct str ns, struct str key)
    __attribute__((warn_unused_result));

/* The parts of a whole key that entry_value_key() made; they point into it. */
struct str entry_value_key_ns(struct str whole);
struct str entry_value_key_name(struct str whole);

/* Whether text may be a key: 1 to ENTRY_VALUE_KEY_MAX bytes of UTF-8 without control characters. Else ERR_INVALID. */
bool entry_value_key_check(struct str text, struct err *e) __attribute__((warn_unused_result));

/* When a stored value expires (0: never), and its JSON. */
uint64_t entry_value_expires(struct str value);
struct str entry_value_json(struct str value);

/* Whether there is something in it at now_ms. */
bool entry_value_lives(struct str value, uint64_t now_ms);

/* Appends what the engine is to store. False past out's maximum. */
bool entry_value_write(struct buf *out, uint64_t expires_ms, struct str json)
    __attribute__((warn_unused_result));

#endif
