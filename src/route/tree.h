/* The tree of a router: a radix tree over the bytes of literals, with captures as nodes of their own.
 *
 *        ""                              /users, /users/{id}, /users/{id}/posts, /users/{n:[0-9]+}, /api/ **
 *        └ "/"                                                                          (without the space)
 *          ├ "api"       subtree
 *          └ "users"     end
 *            └ "/"
 *              ├ {:[0-9]+}  end
 *              └ {}         end
 *                └ "/posts" end
 *
 * It is changed in place, and has the same shape whatever the order of the changes that led to it: a
 * literal node is never empty (but the root), never useless and never the only way on from a literal node
 * that is not an end itself. router.c reads the nodes; only tree.c writes them.
 */
#ifndef ROUTE_TREE_H
#define ROUTE_TREE_H

#include <string.h>

#include "base/str.h"
#include "base/vec.h"

struct pattern;
struct rex;

struct tree_target {
    char *method; /* owned */
    size_t method_len;
    struct pattern *pattern; /* a reference; its own names of the captures on the way here */
    void *target;
};

/* Where a pattern ends: one target per method. */
struct tree_leaf {
    VEC_OF(struct tree_target);
};

enum { TREE_INLINE_KIDS = 16 };

struct tree_node {
    struct tree_node **kids; /* literal nodes, by their first byte ascending */
    union {
        uint8_t first[TREE_INLINE_KIDS]; /* up to that many: their first bytes, in the same order */
        uint8_t *index;                  /* more: for each byte the position in kids + 1, or 0 */
    };
    uint32_t kid_count; /* at most 255: literals have no NUL */
    uint32_t text_len;
    struct tree_leaf *end;      /* patterns that end here */
    struct tree_leaf *subtree;  /* patterns that go on with PATTERN_SUBTREE */
    struct tree_leaf *rest;     /* patterns that go on with PATTERN_REST */
    struct tree_node *param;    /* patterns that go on with PATTERN_PARAM */
    struct tree_node **regexes; /* patterns that go on with PATTERN_REGEX, by source ascending */
    uint32_t regex_count;
    bool literal;    /* reached by its text; else by what it captures */
    struct rex *rex; /* a reference; of a regex node only, whose text is the source */
    char text[];
};

struct tree_node *tree_create(void);
void tree_destroy(struct tree_node *root);

/* Contracts of router_add() and router_remove(). */
bool tree_add(struct tree_node *root, struct pattern *p, struct str method, void *target)
    __attribute__((warn_unused_result));
void tree_remove(struct tree_node *root, const struct pattern *p, struct str method,
                 const void *target);

static inline struct str tree_method(const struct tree_target *t)
{
    return (struct str){t->method, t->method_len};
}

/* The literal node that begins with byte; NULL when there is none. */
static inline struct tree_node *tree_kid(const struct tree_node *n, char byte)
{
    if (n->kid_count > TREE_INLINE_KIDS) {
        uint8_t at = n->index[(unsigned char)byte];
        return at == 0 ? NULL : n->kids[at - 1];
    }
    for (uint32_t i = 0; i < n->kid_count; i++) {
        if (n->first[i] == (unsigned char)byte)
            return n->kids[i];
    }
    return NULL;
}

#endif
