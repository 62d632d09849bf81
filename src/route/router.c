/* A depth-first search of the tree. A frame is a node that was reached and the way on that is tried next: first
 * a literal, then the regular expressions, the parameter, the subtree and the rest. A way that leads nowhere
 * falls back to the frame below it. A frame without another way to try is given up at once, so that the stack
 * holds real choices only.
 *
 * A capture ends before a byte with which the pattern may go on, or at the end of the segment: the shortest
 * value is tried first.
 */
#include "route/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/container.h"
#include "base/mem.h"
#include "route/pattern.h"
#include "route/rex.h"
#include "route/tree.h"

enum {
    WORK_MAX = 10000,  /* steps of one search */
    WORK_REGEX = 100,  /* what one match of a regular expression counts */
    WORK_BYTES = 16,   /* so many bytes passed over count one step */
    CHOICES_MAX = 256, /* nodes with another way to try, one below the other */
    METHODS_MAX = 64,  /* listed by router_allow() */
};

struct router {
    struct tree_node *root;
};

struct router *router_create(void)
{
    struct router *r = mem_alloc(sizeof(*r));
    r->root = tree_create();
    return r;
}

void router_destroy(struct router *r)
{
    if (r == NULL)
        return;
    tree_destroy(r->root);
    free(r);
}

bool router_add(struct router *r, struct pattern *p, struct str method, void *target)
{
    assert(method.len > 0);
    return tree_add(r->root, p, method, target);
}

void router_remove(struct router *r, struct pattern *p, struct str method, const void *target)
{
    tree_remove(r->root, p, method, target);
}

bool router_empty(const struct router *r)
{
    return r->root->kid_count == 0;
}

enum stage { STAGE_END, STAGE_LITERAL, STAGE_REGEX, STAGE_PARAM, STAGE_SUBTREE, STAGE_REST };

struct frame {
    const struct tree_node *node;
    uint32_t pos;     /* of the path, behind what led here */
    uint32_t regex;   /* STAGE_REGEX: which */
    uint32_t end;     /* STAGE_REGEX and STAGE_PARAM: the last end that was tried; 0 for none */
    uint8_t captures; /* that led here */
    uint8_t stage;
};

struct span {
    uint32_t from;
    uint32_t to;
};

struct methods {
    struct str v[METHODS_MAX];
    size_t n;
};

struct search {
    struct tree_method method;
    struct str path;
    struct methods *all; /* router_allow(): take note of every method and go on */
    const struct tree_target *hit;
    uint32_t work;
    uint32_t depth;
    uint32_t
        segment_from; /* bytes [from, end) of the path have no "/", and end is one or the path's end */
    uint32_t segment_end;
    bool path_found;
    uint8_t captures; /* of the hit */
    struct span span[PATTERN_CAPTURES_MAX];
    struct frame stack[CHOICES_MAX];
};

static_assert((int)ROUTER_PARAMS_MAX == (int)PATTERN_CAPTURES_MAX,
              "a match has room for every capture");

enum verdict { GO_ON, HIT, TOO_MUCH };

/* Enters node n at pos, from frame f, which is kept only when it has another way to try. */
static enum verdict enter(struct search *s, bool keep, struct frame next)
{
    if (!keep)
        s->depth--;
    else if (s->depth == CHOICES_MAX)
        return TOO_MUCH;
    s->stack[s->depth++] = next;
    return GO_ON;
}

static struct frame frame_at(const struct search *s, const struct tree_node *n, uint32_t pos,
                             uint8_t captures)
{
    bool end = pos == s->path.len;
    return (struct frame){
        .node = n, .pos = pos, .captures = captures, .stage = end ? STAGE_END : STAGE_LITERAL};
}

static void note_method(struct methods *all, struct str method)
{
    size_t at = 0;
    while (at < all->n && str_cmp(all->v[at], method) < 0)
        at++;
    if (all->n == METHODS_MAX || (at < all->n && str_eq(all->v[at], method)))
        return;
    memmove(all->v + at + 1, all->v + at, (all->n - at) * sizeof(all->v[0]));
    all->v[at] = method;
    all->n++;
}

static void note_methods(struct methods *all, const struct tree_leaf *l)
{
    static const char *const any[] = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};
    for (size_t i = 0; i < l->n; i++) {
        struct str method = l->v[i].method.text;
        if (str_eq(method, STR("*"))) {
            for (size_t j = 0; j < ARRAY_LEN(any); j++)
                note_method(all, str_of(any[j]));
            continue;
        }
        note_method(all, method);
        if (str_eq(method, STR("GET")))
            note_method(all, STR("HEAD"));
    }
}

/* The target for a method: its own, for HEAD then that of GET, then that of all methods. */
static const struct tree_target *leaf_target(const struct tree_leaf *l,
                                             const struct tree_method *method)
{
    bool head = str_eq(method->text, STR("HEAD"));
    const struct tree_target *get = NULL;
    const struct tree_target *any = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct tree_target *t = &l->v[i];
        if (tree_method_eq(&t->method, method))
            return t;
        if (head && str_eq(t->method.text, STR("GET")))
            get = t;
        else if (str_eq(t->method.text, STR("*")))
            any = t;
    }
    return get != NULL ? get : any;
}

static enum verdict try_leaf(struct search *s, const struct tree_leaf *l, uint8_t captures)
{
    s->path_found = true;
    if (s->all != NULL) {
        note_methods(s->all, l);
        return GO_ON;
    }
    s->hit = leaf_target(l, &s->method);
    s->captures = captures;
    return s->hit != NULL ? HIT : GO_ON;
}

static enum verdict try_end(struct search *s, struct frame *f)
{
    f->stage = STAGE_SUBTREE;
    return f->node->end != NULL ? try_leaf(s, f->node->end, f->captures) : GO_ON;
}

static bool has_choices(const struct tree_node *n)
{
    return n->regex_count > 0 || n->param != NULL || n->subtree != NULL || n->rest != NULL;
}

/* The literal node below n whose text stands at pos, before the end of the path; NULL when there is none. */
static const struct tree_node *literal_kid(const struct search *s, const struct tree_node *n,
                                           uint32_t pos)
{
    const struct tree_node *kid = tree_kid(n, s->path.p[pos]);
    if (kid == NULL || kid->text_len > s->path.len - pos)
        return NULL;
    /* Its first byte is known to match: often it is the only one. */
    const size_t more = kid->text_len - 1U;
    return more == 0 || memcmp(kid->text + 1, s->path.p + pos + 1, more) == 0 ? kid : NULL;
}

static enum verdict try_literal(struct search *s, struct frame *f)
{
    const struct tree_node *n = f->node;
    f->stage = STAGE_REGEX;
    const struct tree_node *kid = literal_kid(s, n, f->pos);
    if (kid == NULL)
        return GO_ON;
    s->work += kid->text_len / WORK_BYTES;
    return enter(s, has_choices(n), frame_at(s, kid, f->pos + kid->text_len, f->captures));
}

static uint32_t segment_end(struct search *s, uint32_t pos)
{
    if (pos < s->segment_from || pos > s->segment_end) {
        s->segment_from = pos;
        s->segment_end = (uint32_t)str_index(s->path, '/', pos);
        s->work += (s->segment_end - pos) / WORK_BYTES;
    }
    return s->segment_end;
}

/* Whether a capture that leads to n may end before the end of its segment. */
static bool ends_early(const struct tree_node *n)
{
    return n->kid_count > 1 || (n->kid_count == 1 && n->first[0] != '/');
}

/* The first end at or after from that a capture which leads to n may have. */
static uint32_t next_end(struct search *s, const struct tree_node *n, uint32_t from,
                         uint32_t segment)
{
    if (!ends_early(n))
        return segment;
    uint32_t end = from;
    while (end < segment && tree_kid(n, s->path.p[end]) == NULL)
        end++;
    s->work += (end - from) / WORK_BYTES;
    return end;
}

static enum verdict capture(struct search *s, const struct frame *f, const struct tree_node *n,
                            bool keep)
{
    s->span[f->captures] = (struct span){f->pos, f->end};
    return enter(s, keep, frame_at(s, n, f->end, (uint8_t)(f->captures + 1)));
}

static enum verdict try_regex(struct search *s, struct frame *f)
{
    uint32_t segment = segment_end(s, f->pos);
    if (f->regex == f->node->regex_count || segment == f->pos) {
        f->stage = STAGE_PARAM;
        f->end = 0;
        return GO_ON;
    }
    const struct tree_node *n = f->node->regexes[f->regex];
    f->end = next_end(s, n, (f->end == 0 ? f->pos : f->end) + 1, segment);
    uint32_t end = f->end;
    struct frame now = *f;
    if (end == segment) {
        f->regex++;
        f->end = 0;
    }
    s->work += WORK_REGEX;
    enum rex_result match = rex_match(n->rex, str_slice(s->path, f->pos, end));
    if (match == REX_LIMIT)
        return TOO_MUCH;
    return match == REX_MATCH ? capture(s, &now, n, true) : GO_ON;
}

static enum verdict try_param(struct search *s, struct frame *f)
{
    const struct tree_node *n = f->node->param;
    uint32_t segment = n != NULL ? segment_end(s, f->pos) : f->pos;
    if (segment == f->pos) {
        f->stage = STAGE_SUBTREE;
        return GO_ON;
    }
    f->end = next_end(s, n, (f->end == 0 ? f->pos : f->end) + 1, segment);
    bool last = f->end == segment;
    bool keep = !last || f->node->subtree != NULL || f->node->rest != NULL;
    struct frame now = *f;
    if (last)
        f->stage = STAGE_SUBTREE;
    return capture(s, &now, n, keep);
}

static enum verdict try_wildcard(struct search *s, const struct frame *f, const struct tree_leaf *l,
                                 uint32_t from)
{
    s->span[f->captures] = (struct span){from, (uint32_t)s->path.len};
    return try_leaf(s, l, (uint8_t)(f->captures + 1));
}

static enum verdict try_subtree(struct search *s, struct frame *f)
{
    const struct tree_leaf *l = f->node->subtree;
    bool end = f->pos == s->path.len;
    f->stage = STAGE_REST;
    if (l == NULL || (!end && s->path.p[f->pos] != '/'))
        return GO_ON;
    return try_wildcard(s, f, l, end ? f->pos : f->pos + 1);
}

static enum verdict try_rest(struct search *s, const struct frame *f)
{
    s->depth--;
    return f->node->rest != NULL ? try_wildcard(s, f, f->node->rest, f->pos) : GO_ON;
}

static enum verdict try_next(struct search *s, struct frame *f)
{
    switch ((enum stage)f->stage) {
    case STAGE_END:
        return try_end(s, f);
    case STAGE_LITERAL:
        return try_literal(s, f);
    case STAGE_REGEX:
        return try_regex(s, f);
    case STAGE_PARAM:
        return try_param(s, f);
    case STAGE_SUBTREE:
        return try_subtree(s, f);
    case STAGE_REST:
        break;
    }
    return try_rest(s, f);
}

/* Where the search begins: as far down as there is nothing but literals. */
static struct frame first_frame(const struct search *s, const struct tree_node *n)
{
    uint32_t pos = 0;
    while (pos < s->path.len && !has_choices(n)) {
        const struct tree_node *kid = literal_kid(s, n, pos);
        if (kid == NULL)
            break;
        n = kid;
        pos += kid->text_len;
    }
    return frame_at(s, n, pos, 0);
}

static enum router_result run(const struct router *r, struct search *s)
{
    s->stack[s->depth++] = first_frame(s, r->root);
    while (s->depth > 0) {
        if (++s->work > WORK_MAX)
            return ROUTER_TOO_COMPLEX;
        enum verdict v = try_next(s, &s->stack[s->depth - 1]);
        if (v == HIT)
            return ROUTER_FOUND;
        if (v == TOO_MUCH)
            return ROUTER_TOO_COMPLEX;
    }
    return s->path_found ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
}

/* Leaves the large arrays as they are: clearing them would cost more than the search. */
static void search_init(struct search *s, struct str method, struct str path, struct methods *all)
{
    s->method = tree_method(method);
    s->path = path;
    s->all = all;
    s->hit = NULL;
    s->work = 0;
    s->depth = 0;
    s->segment_from = 1;
    s->segment_end = 0;
    s->path_found = false;
    s->captures = 0;
}

/* Gives the captures the names that the pattern has for them. */
static void name_params(const struct search *s, struct router_match *ret)
{
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(ret->pattern, &count);
    size_t captured = 0;
    ret->param_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == PATTERN_LITERAL)
            continue;
        assert(captured < s->captures);
        struct span span = s->span[captured++];
        if (parts[i].name.len > 0)
            ret->params[ret->param_count++] =
                (struct router_param){parts[i].name, str_slice(s->path, span.from, span.to)};
    }
}

enum router_result router_find(const struct router *r, struct str method, struct str path,
                               struct router_match *ret)
{
    struct search s __attribute__((uninitialized));
    if (path.len > UINT32_MAX)
        return ROUTER_TOO_COMPLEX;
    search_init(&s, method, path, NULL);
    enum router_result result = run(r, &s);
    if (result == ROUTER_FOUND) {
        ret->target = s.hit->target;
        ret->pattern = s.hit->pattern;
        name_params(&s, ret);
    }
    return result;
}

void router_allow(const struct router *r, struct str path, char *out, size_t size)
{
    assert(size > 0);
    struct methods all = {.n = 0};
    struct search s __attribute__((uninitialized));
    search_init(&s, STR(""), path, &all);
    if (path.len <= UINT32_MAX)
        (void)run(r, &s);
    size_t len = 0;
    for (size_t i = 0; i < all.n; i++) {
        size_t comma = i > 0 ? 2 : 0;
        size_t need = comma + all.v[i].len;
        if (need >= size - len)
            break;
        memcpy(out + len, ", ", comma);
        memcpy(out + len + comma, all.v[i].p, all.v[i].len);
        len += need;
    }
    out[len] = '\0';
}
