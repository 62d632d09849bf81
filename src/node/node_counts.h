/* How many of something there are now on this node: requests at an upstream, connections of a client, requests of a
 * route. Each worker counts in a column of its own, so that what a killed worker had counted can be taken back.
 */
#ifndef NODE_NODE_COUNTS_H
#define NODE_NODE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/* A view of the shared table. */
struct node_counts {
    char *slots;
    size_t stride;
    uint32_t mask;
    uint32_t workers;
};

/* Of a slot: no room was left. */
#define NODE_COUNTS_NONE UINT32_MAX

size_t node_counts_size(uint32_t slots, uint32_t workers);
void node_counts_attach(struct node_counts *c, void *memory, uint32_t slots, uint32_t workers);

/* Counts one more of key for the worker. Returns the slot for node_counts_drop(), or NODE_COUNTS_NONE when all slots
 * that the key could have are in use: it is not counted then. *sum gets the number on the node, this one included. */
uint32_t node_counts_add(struct node_counts *c, uint32_t worker, uint64_t key, uint32_t *sum);

/* One less. NODE_COUNTS_NONE is allowed. */
void node_counts_drop(struct node_counts *c, uint32_t worker, uint32_t slot);

/* The number of key on the node. */
uint32_t node_counts_sum(const struct node_counts *c, uint64_t key);

/* Takes back all that a worker counted: when it starts in the place of one that died. */
void node_counts_forget(struct node_counts *c, uint32_t worker);

#endif
