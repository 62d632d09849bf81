/* Health of upstreams as this node sees it, shared by its workers (what happens to requests: passive) and control
 * (probes: active). What control said last stays while it is down. When there is no room, upstreams of which only past
 * failures are known are forgotten first; one that the table has no room for counts as healthy.
 */
#ifndef NODE_NODE_HEALTH_H
#define NODE_NODE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_health_slot;
struct node_health_table;

/* A view of the shared table. */
struct node_health {
    struct node_health_table *table;
    uint32_t mask;
};

size_t node_health_size(uint32_t slots);
void node_health_attach(struct node_health *h, void *memory, uint32_t slots);

/* When requests eject an upstream. */
struct node_health_policy {
    uint32_t max_fails; /* in a row; 0: never */
    uint64_t fail_ns;   /* for how long; then one request at a time probes it */
    uint64_t probe_ns;  /* how long a probe may take before another one is let through */
};

enum node_health_probe { NODE_HEALTH_UNKNOWN, NODE_HEALTH_UP, NODE_HEALTH_DOWN };

/* What a report changed: for the log. */
enum node_health_change { NODE_HEALTH_SAME, NODE_HEALTH_EJECTED, NODE_HEALTH_RESTORED };

struct node_health_info {
    enum node_health_probe probe; /* the last word of the active checks */
    uint32_t fails;               /* requests that failed in a row */
    uint64_t ejected_until_ns;    /* 0: not ejected */
};

/* What is remembered of a key between requests, so that asking about one of which nothing is known reads a single word
 * that hardly ever changes. Zeroed but for key. */
struct node_health_mark {
    uint64_t key;
    uint64_t changes; /* of the table, when known was found out */
    bool known;
};

/* Whether anything may be known of m->key; if not, it is healthy. */
bool node_health_is_known(const struct node_health *h, struct node_health_mark *m);

/* What requests are to do with an upstream. */
enum node_health_use {
    NODE_HEALTH_USE,
    NODE_HEALTH_TRY,   /* its time is over: whoever gets node_health_claim() may go there */
    NODE_HEALTH_AVOID, /* ejected, down, or being tried */
};

enum node_health_use node_health_look(const struct node_health *h, uint64_t key,
                                      const struct node_health_policy *policy, uint64_t now_ns);

/* Asks to be the one who tries it. Who gets true must report, or node_health_unclaim(). */
bool node_health_claim(struct node_health *h, uint64_t key, const struct node_health_policy *policy,
                       uint64_t now_ns);
void node_health_unclaim(struct node_health *h, uint64_t key);

/* Both in one: whether a request may go there now. Of an upstream whose time is over, yes is said to one caller per probe_ns:
 * that one must report. */
bool node_health_allows(struct node_health *h, uint64_t key,
                        const struct node_health_policy *policy, uint64_t now_ns);

/* How a request to it ended. */
enum node_health_change node_health_report(struct node_health *h, uint64_t key, bool ok,
                                           const struct node_health_policy *policy,
                                           uint64_t now_ns);

/* What the active checks found (control). UP also ends an ejection. False: the table has no room. */
bool node_health_set(struct node_health *h, uint64_t key, enum node_health_probe probe);

/* All unknown and zero when nothing is known of it. */
void node_health_get(const struct node_health *h, uint64_t key, struct node_health_info *ret);

/* Forgets an upstream that no service has any more (control). */
void node_health_remove(struct node_health *h, uint64_t key);

#endif
