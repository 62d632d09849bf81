/* Health of upstreams as this node sees it, shared by its workers (what happens to requests: passive) and control
 * (probes: active). What control said last stays while it is down. An upstream that the table has no room for counts as
 * healthy.
 */
#ifndef NODE_NODE_HEALTH_H
#define NODE_NODE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_health_slot;

/* A view of the shared table. */
struct node_health {
    struct node_health_slot *slots;
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

/* Whether a request may go there now. Of an upstream whose time is over, yes is said to one caller per probe_ns:
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
