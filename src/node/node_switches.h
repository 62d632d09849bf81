/* Routes whose modules are switched off on this node, because they cost workers or kept hitting limits, and those that
 * are on the way there. A key is of the code of a route (script_program_fingerprint()), so that another module or route
 * begins anew; what is no longer used is forgotten when its place is needed.
 */
#ifndef NODE_NODE_SWITCHES_H
#define NODE_NODE_SWITCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { NODE_SWITCHES_ROUTE_SIZE = 256, NODE_SWITCHES_MODULE_SIZE = 104 };

struct node_switches_table;

/* A view of the shared table. */
struct node_switches {
    struct node_switches_table *table;
    uint32_t mask;
};

size_t node_switches_size(uint32_t slots);
void node_switches_attach(struct node_switches *s, void *memory, uint32_t slots);

/* "namespace/name", as routes are called here, cut to what fits. out is the caller's, and what is returned is in it. */
struct str node_switches_route(struct str ns, struct str name, char out[NODE_SWITCHES_ROUTE_SIZE]);

enum node_switches_reason {
    NODE_SWITCHES_KILLS, /* workers that were killed */
    NODE_SWITCHES_STOPS, /* calls that limits ended */
};

struct node_switches_who {
    uint64_t key;
    struct str route; /* "namespace/name" */
    struct str module;
};

/* One that is off. */
struct node_switches_info {
    char route[NODE_SWITCHES_ROUTE_SIZE];
    char module[NODE_SWITCHES_MODULE_SIZE];
    uint64_t since_ms; /* since 1970 */
    enum node_switches_reason reason;
    uint32_t count; /* of what reason says */
};

/* It cost a worker. True: it is switched off now, since most were within window_ms (most is 0: never). */
bool node_switches_kill(struct node_switches *s, const struct node_switches_who *who, uint32_t most,
                        uint64_t window_ms, uint64_t now_ms);

/* Switches it off. False: it is off already, or there is no room. */
bool node_switches_off(struct node_switches *s, const struct node_switches_who *who,
                       enum node_switches_reason reason, uint32_t count, uint64_t now_ms);

/* Whether any ever was off: one read. */
bool node_switches_are_used(const struct node_switches *s);

/* What is known of one that is off; false: it is not. */
bool node_switches_get(const struct node_switches *s, uint64_t key, struct node_switches_info *ret);

/* Switches on what is off of a route ("namespace/name"), whatever its code, but for the key kept (0: none). What counts
 * against it begins anew. Returns how many there were. */
uint32_t node_switches_on(struct node_switches *s, struct str route, uint64_t kept,
                          uint64_t now_ms);

/* The n-th slot, for listing; false: it is not off. */
bool node_switches_at(const struct node_switches *s, uint32_t n, struct node_switches_info *ret);
uint32_t node_switches_slots(const struct node_switches *s);

#endif
