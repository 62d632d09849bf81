/* Patterns and a path, separated by newlines: whatever compiles is routed, looked up and taken away again. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/url.h"
#include "route/host_pattern.h"
#include "route/pattern.h"
#include "route/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERNS_MAX = 16, PATH_MEMORY = 1 << 20 };

struct routes {
    struct router *router;
    struct pattern *patterns[PATTERNS_MAX];
    bool added[PATTERNS_MAX];
    size_t count;
};

static void add(struct routes *rs, struct str text)
{
    struct err e = {0};
    struct pattern *p = NULL;
    if (rs->count == PATTERNS_MAX || pattern_create(text, &p, &e) != ERR_OK)
        return;
    assert(str_eq(pattern_text(p), text));
    rs->patterns[rs->count] = p;
    rs->added[rs->count] = router_add(rs->router, p, STR("GET"), p);
    rs->count++;
}

/* What was found lies in the path, and the rest after stripping ends it. */
static void check_match(const struct router_match *m, struct str path)
{
    struct str wildcard = {0};
    assert(m->target == m->pattern);
    for (uint32_t i = 0; i < m->param_count; i++) {
        struct str value = m->params[i].value;
        assert(value.p >= path.p && value.p + value.len <= path.p + path.len);
        if (str_eq(m->params[i].name, STR("*")))
            wildcard = value;
        else
            assert(value.len > 0 && str_index(value, '/', 0) == value.len);
    }
    struct str rest = pattern_strip(m->pattern, path, wildcard);
    assert(str_ends(path, rest) && (rest.len == 0 || rest.p[0] == '/'));
}

static void look_up(const struct routes *rs, struct str raw)
{
    struct arena a;
    arena_init(&a, PATH_MEMORY);
    struct str path = {0};
    if (url_path_normalise(raw, false, &a, &path) == URL_PATH_OK) {
        struct router_match m;
        if (router_find(rs->router, STR("GET"), path, &m) == ROUTER_FOUND)
            check_match(&m, path);
        assert(router_find(rs->router, STR("PUT"), path, &m) != ROUTER_FOUND);
        char allow[64];
        router_allow(rs->router, path, allow, sizeof(allow));
    }
    arena_finish(&a);
}

static void try_host(struct str text, struct str host)
{
    struct err e = {0};
    struct host_pattern *p = NULL;
    if (host_pattern_create(text, &p, &e) != ERR_OK)
        return;
    struct str exact = {0};
    if (host_pattern_exact(p, &exact))
        assert(host_pattern_match(p, exact));
    (void)host_pattern_match(p, host);
    host_pattern_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct routes rs = {.router = router_create()};
    for (;;) {
        size_t end = str_index(rest, '\n', 0);
        struct str line = str_slice(rest, 0, end);
        if (end == rest.len) {
            look_up(&rs, line);
            break;
        }
        add(&rs, line);
        rest = str_skip(rest, end + 1);
        try_host(line, rest);
    }
    for (size_t i = 0; i < rs.count; i++) {
        if (rs.added[i])
            router_remove(rs.router, rs.patterns[i], STR("GET"), rs.patterns[i]);
        pattern_unref(rs.patterns[i]);
    }
    assert(router_empty(rs.router));
    router_destroy(rs.router);
    return 0;
}
