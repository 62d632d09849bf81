/* The tree against a matcher that knows no tree, on random patterns and paths, with a fixed seed. */
#include "base/buf.h"
#include "base/container.h"
#include "route/pattern.h"
#include "route/rex.h"
#include "route/router.h"
#include "route/tree.h"
#include "testing.h"

enum {
    SEED = 20261122,
    ROUNDS = 60,
    CHANGES = 80,
    FINDS = 25,
    PATTERNS_MAX = 48,
    STEPS_MAX = 64,
    MATCHES_MAX = 4096,
};

static uint32_t random_state = SEED;

static uint32_t pick(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % n;
}

#define PICK(list) ((list)[pick(ARRAY_LEN(list))])

static const char *const methods[] = {"GET", "POST", "HEAD", "*"};

/* One step of a match: which kind of way was taken from a point, and how far. */
struct step {
    int rank; /* literal or end 0, regular expression 1, parameter 2, subtree 3, rest 4 */
    struct str source;
    size_t to;
};

struct match {
    size_t pattern;
    size_t count;
    struct step steps[STEPS_MAX];
};

struct route {
    struct pattern *p;
    const char *method;
    bool live;
};

static struct route routes[PATTERNS_MAX];
static size_t route_count;
static struct match matches[MATCHES_MAX];
static size_t match_count;

static void note(const struct match *m, size_t pattern)
{
    assert_true(match_count < MATCHES_MAX);
    matches[match_count] = *m;
    matches[match_count++].pattern = pattern;
}

static void extend(const struct match *m, struct step s, struct match *ret)
{
    assert_true(m->count < STEPS_MAX);
    *ret = *m;
    ret->steps[ret->count++] = s;
}

/* All ways in which the parts from part on match the path from pos on. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parts of a pattern, which are few here */
static void match_parts(size_t pattern, size_t part, struct str path, size_t pos,
                        const struct match *so_far)
{
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(routes[pattern].p, &count);
    struct match m;
    if (part == count) {
        if (pos == path.len)
            note(so_far, pattern);
        return;
    }
    const struct pattern_part *now = &parts[part];
    struct str rest = str_skip(path, pos);
    size_t segment = str_index(path, '/', pos);
    switch (now->kind) {
    case PATTERN_LITERAL:
        if (!str_starts(rest, now->text))
            return;
        m = *so_far;
        for (size_t i = 0; i < now->text.len; i++)
            extend(&m, (struct step){.rank = 0, .to = pos + i + 1}, &m);
        match_parts(pattern, part + 1, path, pos + now->text.len, &m);
        return;
    case PATTERN_REGEX:
    case PATTERN_PARAM:
        for (size_t to = pos + 1; to <= segment; to++) {
            bool regex = now->kind == PATTERN_REGEX;
            if (regex && rex_match(now->rex, str_slice(path, pos, to)) != REX_MATCH)
                continue;
            struct step s = {.rank = regex ? 1 : 2, .source = now->text, .to = to};
            extend(so_far, s, &m);
            match_parts(pattern, part + 1, path, to, &m);
        }
        return;
    case PATTERN_SUBTREE:
        if (rest.len > 0 && rest.p[0] != '/')
            return;
        extend(so_far, (struct step){.rank = 3, .to = pos + (rest.len > 0)}, &m);
        note(&m, pattern);
        return;
    case PATTERN_REST:
        extend(so_far, (struct step){.rank = 4, .to = pos}, &m);
        note(&m, pattern);
        return;
    }
}

static int compare_matches(const void *left, const void *right)
{
    const struct match *l = left;
    const struct match *r = right;
    for (size_t i = 0; i < l->count && i < r->count; i++) {
        const struct step *x = &l->steps[i];
        const struct step *y = &r->steps[i];
        if (x->rank != y->rank)
            return x->rank - y->rank;
        int c = str_cmp(x->source, y->source);
        if (c != 0)
            return c;
        if (x->to != y->to)
            return x->to < y->to ? -1 : 1;
    }
    /* Ending comes before a wildcard that takes nothing. */
    return (l->count > r->count) - (l->count < r->count);
}

/* The route of the first match whose pattern has the method, as router_find() chooses. */
static const struct route *expected(const char *method, struct str path, const struct match **ret)
{
    match_count = 0;
    struct match none = {0};
    for (size_t i = 0; i < route_count; i++) {
        if (routes[i].live)
            match_parts(i, 0, path, 0, &none);
    }
    qsort(matches, match_count, sizeof(matches[0]), compare_matches);
    for (size_t i = 0; i < match_count; i++) {
        const char *wanted[] = {method, strcmp(method, "HEAD") == 0 ? "GET" : "-", "*"};
        for (size_t w = 0; w < ARRAY_LEN(wanted); w++) {
            /* Equal matches are of one canonical pattern with several methods. */
            for (size_t j = i; j < match_count; j++) {
                if (compare_matches(&matches[i], &matches[j]) != 0)
                    break;
                const struct route *r = &routes[matches[j].pattern];
                if (strcmp(r->method, wanted[w]) == 0) {
                    *ret = &matches[j];
                    return r;
                }
            }
        }
    }
    return NULL;
}

static void random_pattern(char *out, size_t size)
{
    static const char *const segments[] = {
        "a",       "b",    "ab",    "aab",      "a-b", "{N}", "{N:[ab]+}", "{N:a.*}",
        "{N}-{N}", "a{N}", "{N}.b", "{N:.+}-b", "*",   "{}",  "",          "{N}b",
    };
    static const char *const tails[] = {"", "", "/", "/*", "/**", "*"};
    size_t len = 0;
    int name = 0;
    for (uint32_t n = 1 + pick(3); n > 0; n--) {
        out[len++] = '/';
        for (const char *s = PICK(segments); *s != '\0'; s++) {
            if (*s == 'N')
                len += (size_t)snprintf(out + len, size - len, "%c%d", 'p' + (int)pick(3), name++);
            else
                out[len++] = *s;
        }
    }
    (void)snprintf(out + len, size - len, "%s", PICK(tails));
}

static void random_path(char *out)
{
    static const char bytes[] = "aaabbb--.///";
    size_t len = 1;
    out[0] = '/';
    for (uint32_t n = pick(10); n > 0; n--)
        out[len++] = bytes[pick(sizeof(bytes) - 1)];
    out[len] = '\0';
}

static void check_find(const struct router *r)
{
    char path[32];
    random_path(path);
    const char *method = pick(4) == 0 ? "DELETE" : methods[pick(3)];
    const struct match *m = NULL;
    const struct route *want = expected(method, str_of(path), &m);
    struct router_match got;
    enum router_result result = router_find(r, str_of(method), str_of(path), &got);
    if (want == NULL) {
        enum router_result miss = match_count > 0 ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
        if (result != miss)
            fail_msg("%s %s: result %d, not %d", method, path, (int)result, (int)miss);
        return;
    }
    if (result != ROUTER_FOUND || got.target != want) {
        fail_msg("%s %s: result %d, pattern %.*s, not %.*s", method, path, (int)result,
                 STR_ARG(result == ROUTER_FOUND ? pattern_text(got.pattern) : STR("none")),
                 STR_ARG(pattern_text(want->p)));
    }
    size_t param = 0;
    size_t from = 0;
    size_t count = 0;
    const struct pattern_part *parts = pattern_parts(want->p, &count);
    size_t part = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct step *s = &m->steps[i];
        if (s->rank > 0) {
            while (parts[part].kind == PATTERN_LITERAL)
                part++;
            size_t to = s->rank > 2 ? strlen(path) : s->to;
            from = s->rank > 2 ? s->to : from;
            if (parts[part].name.len > 0) {
                assert_true(param < got.param_count);
                assert_true(str_eq(got.params[param].name, parts[part].name));
                assert_true(str_eq(got.params[param].value, str_slice(str_of(path), from, to)));
                param++;
            }
            part++;
        }
        from = s->to;
    }
    assert_int_equal(param, got.param_count);
}

static bool taken(const struct pattern *p, const char *method)
{
    for (size_t i = 0; i < route_count; i++) {
        if (routes[i].live && strcmp(routes[i].method, method) == 0 &&
            str_eq(pattern_canonical(routes[i].p), pattern_canonical(p)))
            return true;
    }
    return false;
}

static void add_random(struct router *r)
{
    char text[128];
    struct pattern *p = NULL;
    struct err e = {0};
    if (route_count == PATTERNS_MAX)
        return;
    random_pattern(text, sizeof(text));
    if (pattern_create(str_of(text), &p, &e) != ERR_OK)
        return; /* such as "{}*" */
    const char *method = PICK(methods);
    struct route *route = &routes[route_count];
    bool want = !taken(p, method);
    assert_int_equal(router_add(r, p, str_of(method), route), want);
    if (!want) {
        pattern_unref(p);
        return;
    }
    *route = (struct route){.p = p, .method = method, .live = true};
    route_count++;
}

static void remove_random(struct router *r)
{
    if (route_count == 0)
        return;
    struct route *route = &routes[pick((uint32_t)route_count)];
    router_remove(r, route->p, str_of(route->method), route); /* twice has no effect */
    route->live = false;
}

static void remove_all(struct router *r)
{
    for (size_t i = 0; i < route_count; i++) {
        router_remove(r, routes[i].p, str_of(routes[i].method), &routes[i]);
        pattern_unref(routes[i].p);
    }
    route_count = 0;
    assert_true(router_empty(r));
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct router *r = router_create();
        for (int i = 0; i < CHANGES; i++) {
            if (pick(3) > 0)
                add_random(r);
            else
                remove_random(r);
            for (int j = 0; j < FINDS; j++)
                check_find(r);
        }
        remove_all(r);
        router_destroy(r);
    }
}

/* The shape as text: literals as they are, captures in braces, leaves as marks, levels in parentheses. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tree, which is shallow here */
static void draw(const struct tree_node *n, struct buf *out)
{
    bool ok = buf_addf(out, "(%s%.*s", n->literal ? "" : "?", (int)n->text_len, n->text);
    ok = ok && buf_addf(out, "%s%s%s", n->end != NULL ? "$" : "", n->subtree != NULL ? "&" : "",
                        n->rest != NULL ? "*" : "");
    assert_true(ok);
    for (uint32_t i = 0; i < n->kid_count; i++)
        draw(n->kids[i], out);
    for (uint32_t i = 0; i < n->regex_count; i++)
        draw(n->regexes[i], out);
    if (n->param != NULL)
        draw(n->param, out);
    assert_true(buf_add(out, STR(")")));
}

static void assert_drawn(const struct tree_node *root, const char *expected_shape)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    draw(root, &b);
    assert_str(buf_str(&b), expected_shape);
    buf_finish(&b);
}

static struct pattern *compile(const char *text)
{
    struct pattern *p = NULL;
    struct err e = {0};
    assert_int_equal(pattern_create(str_of(text), &p, &e), ERR_OK);
    return p;
}

static void test_shape(void **state)
{
    (void)state;
    static const char *const texts[] = {"/users", "/users/{id}",       "/users/{id}/posts",
                                        "/user",  "/users/{n:[0-9]+}", "/users/*",
                                        "/api/**"};
    static const char *const shapes[] = {
        "((/users$))",
        "((/users$(/(?$))))",
        "((/users$(/(?$(/posts$)))))",
        "((/user$(s$(/(?$(/posts$))))))",
        "((/user$(s$(/(?[0-9]+$)(?$(/posts$))))))",
        "((/user$(s$(/*(?[0-9]+$)(?$(/posts$))))))",
        "((/(api&)(user$(s$(/*(?[0-9]+$)(?$(/posts$)))))))",
    };
    struct tree_node *root = tree_create();
    struct pattern *p[ARRAY_LEN(texts)];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        p[i] = compile(texts[i]);
        assert_true(tree_add(root, p[i], STR("GET"), p[i]));
        assert_drawn(root, shapes[i]);
    }
    for (size_t i = ARRAY_LEN(texts); i-- > 1;) {
        tree_remove(root, p[i], STR("GET"), p[i]);
        assert_drawn(root, shapes[i - 1]);
    }
    tree_remove(root, p[0], STR("GET"), p[0]);
    assert_drawn(root, "()");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        pattern_unref(p[i]);
    tree_destroy(root);
    tree_destroy(NULL);
}

/* The same patterns make the same tree, whatever came and went before. */
static void test_shape_without_history(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct tree_node *lived = tree_create();
        struct tree_node *fresh = tree_create();
        struct pattern *p[40] = {0};
        bool in[ARRAY_LEN(p)] = {false};
        for (size_t i = 0; i < ARRAY_LEN(p); i++) {
            char text[128];
            struct err e = {0};
            random_pattern(text, sizeof(text));
            if (pattern_create(str_of(text), &p[i], &e) == ERR_OK)
                in[i] = tree_add(lived, p[i], STR("GET"), p[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(p); i++) {
            if (in[i] && pick(2) == 0) {
                tree_remove(lived, p[i], STR("GET"), p[i]);
                in[i] = false;
            }
        }
        for (size_t i = ARRAY_LEN(p); i-- > 0;) {
            if (in[i])
                assert_true(tree_add(fresh, p[i], STR("GET"), p[i]));
        }
        struct buf b;
        buf_init(&b, 1 << 20);
        draw(fresh, &b);
        assert_drawn(lived, buf_cstr(&b));
        buf_finish(&b);
        for (size_t i = 0; i < ARRAY_LEN(p); i++)
            pattern_unref(p[i]);
        tree_destroy(lived);
        tree_destroy(fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_shape_without_history),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
