#include "route/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/vec.h"
#include "route/pattern.h"
#include "route/rex.h"

enum { BYTES = 256 };

static struct tree_node *node_create(bool literal, struct str text)
{
    assert(text.len <= UINT16_MAX);
    struct tree_node *n = mem_alloc(sizeof(*n) + text.len + 1);
    n->literal = literal;
    n->text_len = (uint16_t)text.len;
    if (text.len > 0)
        memcpy(n->text, text.p, text.len);
    return n;
}

static struct str node_text(const struct tree_node *n)
{
    return (struct str){n->text, n->text_len};
}

static void leaf_destroy(struct tree_leaf *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].text);
        pattern_unref(l->v[i].pattern);
    }
    free(l);
}

/* Without what is below it. */
static void node_free(struct tree_node *n)
{
    if (n->kid_count > TREE_INLINE_KIDS)
        free(n->index);
    free(n->kids);
    free(n->regexes);
    leaf_destroy(n->end);
    leaf_destroy(n->subtree);
    leaf_destroy(n->rest);
    rex_unref(n->rex);
    free(n);
}

struct tree_node *tree_create(void)
{
    return node_create(true, (struct str){0});
}

struct step {
    struct tree_node *node;
};
struct steps {
    VEC_OF(struct step);
};

static void push(struct steps *list, struct tree_node *n)
{
    vec_push(list, (struct step){n});
}

void tree_destroy(struct tree_node *root)
{
    if (root == NULL)
        return;
    struct steps todo = {0};
    push(&todo, root);
    while (todo.n > 0) {
        struct tree_node *n = todo.v[--todo.n].node;
        for (uint32_t i = 0; i < n->kid_count; i++)
            push(&todo, n->kids[i]);
        for (uint32_t i = 0; i < n->regex_count; i++)
            push(&todo, n->regexes[i]);
        if (n->param != NULL)
            push(&todo, n->param);
        node_free(n);
    }
    vec_finish(&todo);
}

static unsigned char first_byte(const struct tree_node *n)
{
    assert(n->literal && n->text_len > 0);
    return (unsigned char)n->text[0];
}

/* Position of the first kid whose first byte is not less. */
static uint8_t kid_position(const struct tree_node *n, unsigned char byte)
{
    uint8_t i = 0;
    while (i < n->kid_count && first_byte(n->kids[i]) < byte)
        i++;
    return i;
}

/* After a change of kids that had old_count before. */
static void index_kids(struct tree_node *n, unsigned old_count)
{
    if (n->kid_count <= TREE_INLINE_KIDS) {
        if (old_count > TREE_INLINE_KIDS)
            free(n->index);
        for (uint32_t i = 0; i < n->kid_count; i++)
            n->first[i] = first_byte(n->kids[i]);
        return;
    }
    if (old_count <= TREE_INLINE_KIDS)
        n->index = mem_calloc(BYTES, 1);
    else
        memset(n->index, 0, BYTES);
    for (uint32_t i = 0; i < n->kid_count; i++)
        n->index[first_byte(n->kids[i])] = (uint8_t)(i + 1);
}

static void insert_at(struct tree_node ***list, uint32_t count, uint32_t at, struct tree_node *n)
{
    *list = mem_resize(*list, count + 1, sizeof(struct tree_node *));
    memmove(*list + at + 1, *list + at, (count - at) * sizeof(struct tree_node *));
    (*list)[at] = n;
}

static void erase_at(struct tree_node **list, uint32_t count, uint32_t at)
{
    memmove(list + at, list + at + 1, (count - at - 1) * sizeof(struct tree_node *));
}

static void add_kid(struct tree_node *n, struct tree_node *kid)
{
    uint8_t at = kid_position(n, first_byte(kid));
    assert(n->kid_count < UINT8_MAX);
    insert_at(&n->kids, n->kid_count, at, kid);
    n->kid_count++;
    index_kids(n, n->kid_count - 1U);
}

static void remove_kid(struct tree_node *n, const struct tree_node *kid)
{
    uint8_t at = kid_position(n, first_byte(kid));
    assert(n->kids[at] == kid);
    erase_at(n->kids, n->kid_count, at);
    n->kid_count--;
    index_kids(n, n->kid_count + 1U);
}

/* Puts another node, with the same first byte, in the place of a kid. */
static void replace_kid(struct tree_node *n, const struct tree_node *old, struct tree_node *with)
{
    uint8_t at = kid_position(n, first_byte(with));
    assert(n->kids[at] == old);
    n->kids[at] = with;
}

/* The node above kid, a literal one, with the first len bytes of its text, which kid loses. */
static struct tree_node *split(struct tree_node *parent, struct tree_node *kid, uint16_t len)
{
    assert(len > 0 && len < kid->text_len);
    struct tree_node *upper = node_create(true, (struct str){kid->text, len});
    replace_kid(parent, kid, upper);
    kid->text_len = (uint16_t)(kid->text_len - len);
    memmove(kid->text, kid->text + len, kid->text_len);
    add_kid(upper, kid);
    return upper;
}

static uint16_t common_prefix(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    size_t i = 0;
    while (i < n && a.p[i] == b.p[i])
        i++;
    return (uint16_t)i;
}

static struct tree_node *make_literal(struct tree_node *n, struct str text)
{
    while (text.len > 0) {
        struct tree_node *kid = tree_kid(n, text.p[0]);
        if (kid == NULL) {
            kid = node_create(true, text);
            add_kid(n, kid);
            return kid;
        }
        uint16_t common = common_prefix(node_text(kid), text);
        if (common < kid->text_len)
            kid = split(n, kid, common);
        text = str_skip(text, common);
        n = kid;
    }
    return n;
}

/* Position of the first regex node whose source is not less. */
static uint32_t regex_position(const struct tree_node *n, struct str source)
{
    uint32_t low = 0;
    uint32_t high = n->regex_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_cmp(node_text(n->regexes[middle]), source) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct tree_node *get_regex(const struct tree_node *n, struct str source)
{
    uint32_t at = regex_position(n, source);
    if (at == n->regex_count || !str_eq(node_text(n->regexes[at]), source))
        return NULL;
    return n->regexes[at];
}

static struct tree_node *make_regex(struct tree_node *n, const struct pattern_part *part)
{
    struct tree_node *kid = get_regex(n, part->text);
    if (kid == NULL) {
        kid = node_create(false, part->text);
        kid->rex = rex_ref(part->rex);
        insert_at(&n->regexes, n->regex_count, regex_position(n, part->text), kid);
        n->regex_count++;
    }
    return kid;
}

static struct tree_node *make_param(struct tree_node *n)
{
    if (n->param == NULL)
        n->param = node_create(false, (struct str){0});
    return n->param;
}

static struct tree_leaf **leaf_of(struct tree_node *n, enum pattern_kind last)
{
    if (last == PATTERN_SUBTREE)
        return &n->subtree;
    return last == PATTERN_REST ? &n->rest : &n->end;
}

static struct tree_target *leaf_find(struct tree_leaf *l, struct str method)
{
    struct tree_method wanted = tree_method(method);
    for (size_t i = 0; l != NULL && i < l->n; i++) {
        if (tree_method_eq(&l->v[i].method, &wanted))
            return &l->v[i];
    }
    return NULL;
}

static void leaf_add(struct tree_leaf **leaf, struct pattern *p, struct str method, void *target)
{
    size_t n = *leaf != NULL ? (*leaf)->n : 0;
    struct tree_leaf *l = mem_resize(*leaf, 1, sizeof(*l) + (n + 1) * sizeof(l->v[0]));
    char *text = mem_dup(method.p, method.len);
    l->v[n] = (struct tree_target){.method = tree_method((struct str){text, method.len}),
                                   .pattern = pattern_ref(p),
                                   .target = target,
                                   .text = text};
    l->n = n + 1;
    *leaf = l;
}

bool tree_add(struct tree_node *root, struct pattern *p, struct str method, void *target)
{
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(p, &count);
    struct tree_node *n = root;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == PATTERN_LITERAL)
            n = make_literal(n, parts[i].text);
        else if (parts[i].kind == PATTERN_REGEX)
            n = make_regex(n, &parts[i]);
        else if (parts[i].kind == PATTERN_PARAM)
            n = make_param(n);
    }
    /* When the method is taken, every node was there before. */
    struct tree_leaf **leaf = leaf_of(n, parts[count - 1].kind);
    if (leaf_find(*leaf, method) != NULL)
        return false;
    leaf_add(leaf, p, method, target);
    return true;
}

/* Appends the literal nodes that spell text below the last of path. False when there are none. */
static bool trace_literal(struct steps *path, struct str text)
{
    while (text.len > 0) {
        struct tree_node *kid = tree_kid(path->v[path->n - 1].node, text.p[0]);
        if (kid == NULL || !str_starts(text, node_text(kid)))
            return false;
        text = str_skip(text, kid->text_len);
        push(path, kid);
    }
    return true;
}

/* All nodes from root to the one where p ends. False when p is not in the tree. */
static bool trace(struct tree_node *root, const struct pattern *p, struct steps *path)
{
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(p, &count);
    push(path, root);
    for (size_t i = 0; i < count; i++) {
        struct tree_node *n = path->v[path->n - 1].node;
        if (parts[i].kind == PATTERN_LITERAL) {
            if (!trace_literal(path, parts[i].text))
                return false;
        } else if (parts[i].kind == PATTERN_REGEX || parts[i].kind == PATTERN_PARAM) {
            bool regex = parts[i].kind == PATTERN_REGEX;
            struct tree_node *kid = regex ? get_regex(n, parts[i].text) : n->param;
            if (kid == NULL)
                return false;
            push(path, kid);
        }
    }
    return true;
}

static void leaf_remove(struct tree_leaf **leaf, struct tree_target *t)
{
    struct tree_leaf *l = *leaf;
    free(t->text);
    pattern_unref(t->pattern);
    *t = l->v[--l->n];
    if (l->n == 0) {
        leaf_destroy(l);
        *leaf = NULL;
    }
}

/* Whether something but literal nodes follows. */
static bool is_needed(const struct tree_node *n)
{
    return n->end != NULL || n->subtree != NULL || n->rest != NULL || n->param != NULL ||
           n->regex_count > 0;
}

static void detach(struct tree_node *parent, struct tree_node *n)
{
    if (n->literal) {
        remove_kid(parent, n);
    } else if (n->rex == NULL) {
        parent->param = NULL;
    } else {
        uint32_t at = regex_position(parent, node_text(n));
        assert(parent->regexes[at] == n);
        erase_at(parent->regexes, parent->regex_count, at);
        parent->regex_count--;
    }
    node_free(n);
}

/* Puts n, of which nothing but its one kid is needed, and that kid together. */
static void join(struct tree_node *parent, struct tree_node *n)
{
    struct tree_node *kid = n->kids[0];
    size_t size = n->text_len + (size_t)kid->text_len;
    kid = mem_resize(kid, 1, sizeof(*kid) + size + 1);
    memmove(kid->text + n->text_len, kid->text, kid->text_len);
    memcpy(kid->text, n->text, n->text_len);
    assert(size <= UINT16_MAX);
    kid->text_len = (uint16_t)size;
    replace_kid(parent, n, kid);
    node_free(n);
}

void tree_remove(struct tree_node *root, const struct pattern *p, struct str method,
                 const void *target)
{
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(p, &count);
    struct steps path = {0};
    if (trace(root, p, &path)) {
        struct tree_leaf **leaf = leaf_of(path.v[path.n - 1].node, parts[count - 1].kind);
        struct tree_target *t = leaf_find(*leaf, method);
        if (t != NULL && t->target == target)
            leaf_remove(leaf, t);
        for (size_t i = path.n - 1; i > 0 && !is_needed(path.v[i].node); i--) {
            struct tree_node *n = path.v[i].node;
            if (n->kid_count == 0)
                detach(path.v[i - 1].node, n);
            else if (n->kid_count == 1 && n->literal)
                join(path.v[i - 1].node, n);
            else
                break;
        }
    }
    vec_finish(&path);
}
