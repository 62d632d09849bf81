/* Intrusive doubly linked list: nodes are members, so inserting never allocates and never fails.
 * A zeroed node is in no list; inserting a node that is in a list asserts.
 */
#ifndef BASE_ILIST_H
#define BASE_ILIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/container.h"

struct ilist_node {
    struct ilist_node *next;
    struct ilist_node *prev;
};

struct ilist {
    struct ilist_node head; /* head.next is the first node, head.prev the last */
};

/* An empty list. Must be called before any other use. */
static inline void ilist_init(struct ilist *l)
{
    l->head.next = &l->head;
    l->head.prev = &l->head;
}

static inline bool ilist_empty(const struct ilist *l)
{
    return l->head.next == &l->head;
}

static inline bool ilist_linked(const struct ilist_node *n)
{
    return n->next != NULL;
}

/* Appends n, which must be in no list. */
static inline void ilist_push(struct ilist *l, struct ilist_node *n)
{
    assert(!ilist_linked(n));
    n->next = &l->head;
    n->prev = l->head.prev;
    l->head.prev->next = n;
    l->head.prev = n;
}

/* Puts n, which must be in no list, first. */
static inline void ilist_push_front(struct ilist *l, struct ilist_node *n)
{
    assert(!ilist_linked(n));
    n->prev = &l->head;
    n->next = l->head.next;
    l->head.next->prev = n;
    l->head.next = n;
}

/* Takes n out of its list; no effect when it is in none. */
static inline void ilist_remove(struct ilist_node *n)
{
    if (!ilist_linked(n))
        return;
    assert(n->prev->next == n && n->next->prev == n);
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = NULL;
    n->prev = NULL;
}

/* Takes the first node out; NULL when the list is empty. */
static inline struct ilist_node *ilist_pop(struct ilist *l)
{
    if (ilist_empty(l))
        return NULL;
    struct ilist_node *n = l->head.next;
    ilist_remove(n);
    return n;
}

/* Runs over the nodes; the body must not take the current node out (the _safe form may). */
/* NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot have parentheses */
#define ilist_for_each(n, l)                                                                       \
    for (struct ilist_node *n = (l)->head.next; (n) != &(l)->head; (n) = (n)->next)
#define ilist_for_each_safe(n, tmp, l)                                                             \
    for (struct ilist_node *n = (l)->head.next, *tmp = (n)->next; (n) != &(l)->head;               \
         (n) = (tmp), (tmp) = (n)->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
