/* Entries of the change log. Each is a JSON object:
 *
 *   {"id": "...", "time": "2026-11-22T02:26:45.123Z", "author": "...", "source": "admin", "command": "put",
 *    "cmd": "add_route", "resource": "route", "namespace": "default", "name": "api",
 *    "before": {...}, "after": {...}, "revision": 12}
 *
 * command is "put" or "delete", cmd is DGate 1's name for it. A namespace's namespace is its own name. Documents
 * have "collection", too; name "" stands for all of its documents. before is missing when there was nothing,
 * after in a delete; both are redacted as MODEL_TO_LOG says. An entry of several items has, instead of cmd and
 * what follows it, "items": [{"command", "cmd", ..., "after"}, ...], and its command is "apply". When it all
 * would be too large, first every before is left out, then every after, and "omitted" is ["before"] or
 * ["before", "after"]. The engine adds the revision.
 *
 * Internal to change/.
 */
#ifndef CHANGE_CHANGE_LOG_H
#define CHANGE_CHANGE_LOG_H

#include "change/change_entry.h"

enum { CHANGE_LOG_ID_SIZE = 32 };

/* A new id: sorts by time within a process, and differs from all others anywhere. */
void change_log_new_id(char out[CHANGE_LOG_ID_SIZE]);

enum change_log_detail { CHANGE_LOG_BRIEF, CHANGE_LOG_AFTER, CHANGE_LOG_FULL };

/* What all entries of a request have in common; borrowed. */
struct change_log_head {
    const char *id;
    const char *time;
    struct str author;
    struct str source;
};

/* Appends the entry of n > 0 items. False past the maximum of out, which is unchanged then. */
bool change_log_write(struct buf *out, const struct change_log_head *head,
                      const struct change_entry *entries, size_t n, enum change_log_detail detail)
    __attribute__((warn_unused_result));

#endif
