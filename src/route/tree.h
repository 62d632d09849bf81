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

#include <assert.h>
#include <string.h>

#include "base/str.h"

struct pattern;
struct rex;

/* A method in a form that compares without following a pointer when it is short, as most are. */
struct tree_method {
    uint64_t start; /* its first bytes, the rest 0 */
    struct str text;
};

static inline struct tree_method tree_method(struct str text)
{
    struct tree_method m = {.text = text};
    memcpy(&m.start, text.p, text.len < sizeof(m.start) ? text.len : sizeof(m.start));
    return m;
}

static inline bool tree_method_eq(const struct tree_method *a, const struct tree_method *b)
{
    return a->start == b->start && a->text.len == b->text.len &&
           (a->text.len <= sizeof(a->start) || str_eq(a->text, b->text));
}

struct tree_target {
    struct tree_method method;
    struct pattern *pattern; /* a reference; its own names of the captures on the way here */
    void *target;
    char *text; /* the method's, owned */
};

/* Where a pattern ends: one target per method. */
struct tree_leaf {
    size_t n;
    struct tree_target v[];
};

enum { TREE_INLINE_KIDS = 16 };

/* What a search reads of every node it passes comes first, in the bytes of one cache line. */
struct tree_node {
    struct tree_node **kids; /* literal nodes, by their first byte ascending */
    union {
        uint8_t first[TREE_INLINE_KIDS]; /* up to that many: their first bytes, in the same order */
        uint8_t *index;                  /* more: for each byte the position in kids + 1, or 0 */
    };
    uint16_t text_len;
    uint8_t kid_count; /* literals have no NUL, so that it suffices */
    bool literal;      /* reached by its text; else by what it captures */
    uint32_t regex_count;
    struct tree_node *param;    /* patterns that go on with PATTERN_PARAM */
    struct tree_leaf *end;      /* patterns that end here */
    struct tree_leaf *subtree;  /* patterns that go on with PATTERN_SUBTREE */
    struct tree_leaf *rest;     /* patterns that go on with PATTERN_REST */
    struct tree_node **regexes; /* patterns that go on with PATTERN_REGEX, by source ascending */
    struct rex *rex;            /* a reference; of a regex node only, whose text is the source */
    char text[];
};

static_assert(offsetof(struct tree_node, regexes) == 64, "one cache line");

struct tree_node *tree_create(void);
void tree_destroy(struct tree_node *root);

/* Contracts of router_add() and router_remove(). */
bool tree_add(struct tree_node *root, struct pattern *p, struct str method, void *target)
    __attribute__((warn_unused_result));
void tree_remove(struct tree_node *root, const struct pattern *p, struct str method,
                 const void *target);

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
