#include "change/change_chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "change/change_import.h"

enum { NAMED = 8 }; /* modules of the route in a message */

struct chain {
    const struct model_route *route;
    const struct change_module *const *facts;
    bool *reaches; /* [from * modules.n + to]: it imports that one, itself or through others */
    change_chain_fn report;
    void *user;
};

__attribute__((format(printf, 4, 5))) static void report(const struct chain *c, size_t index,
                                                         size_t other, const char *fmt, ...)
{
    char text[CHANGE_CHAIN_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    c->report(c->user, index, other, text);
}

/* "\"a\", \"b\" and 3 more", without module `from`; "no other" when there is none. */
static void list_others(const struct chain *c, size_t from, struct buf *out)
{
    size_t named = 0;
    const size_t others = c->route->modules.n - 1;
    for (size_t i = 0; i < c->route->modules.n && named < NAMED; i++)
        if (i != from)
            (void)!buf_addf(out, "%s\"%s\"", named++ > 0 ? ", " : "", c->route->modules.v[i]);
    if (others == 0)
        (void)!buf_addf(out, "no other");
    if (others > named)
        (void)!buf_addf(out, " and %zu more", others - named);
}

static void report_missing(const struct chain *c, size_t index, const struct change_import *import)
{
    char at[64] = "";
    struct buf others;
    if (import->line > 0)
        (void)snprintf(at, sizeof(at), " (%lld:%lld)", (long long)import->line,
                       (long long)import->column);
    buf_init(&others, CHANGE_CHAIN_TEXT_MAX);
    list_others(c, index, &others);
    report(
        c, index, index,
        "route %s/%s: module \"%s\"%s imports \"%s\", which is not one of the route's modules; it "
        "has %s",
        c->route->ns, c->route->name, c->route->modules.v[index], at, import->name,
        buf_cstr(&others));
    buf_finish(&others);
}

static void check_imports(const struct chain *c, size_t index)
{
    const struct model_strings *modules = &c->route->modules;
    const struct change_module *m = c->facts[index];
    for (size_t i = 0; m != NULL && i < m->imports.n; i++) {
        size_t found = 0;
        if (!change_import_find(modules->v[index], m->imports.v[i].name, modules, &found))
            report_missing(c, index, &m->imports.v[i]);
        else if (found < modules->n)
            c->reaches[index * modules->n + found] = true;
    }
}

/* From what each imports itself to what is imported with it. */
static void complete_reaches(const struct chain *c)
{
    const size_t n = c->route->modules.n;
    for (size_t through = 0; through < n; through++) {
        for (size_t from = 0; from < n; from++) {
            for (size_t to = 0; c->reaches[from * n + through] && to < n; to++)
                c->reaches[from * n + to] |= c->reaches[through * n + to];
        }
    }
}

/* Another listed module imports it, and not in a circle with it only. */
static bool is_library(const struct chain *c, size_t index)
{
    const size_t n = c->route->modules.n;
    for (size_t i = 0; i < n; i++)
        if (c->reaches[i * n + index] && !c->reaches[index * n + i])
            return true;
    return false;
}

/* Whether it exports what chooses the upstream, itself or by "export * from" a module that does. */
static bool chooses(const struct chain *c, size_t index)
{
    const struct model_strings *modules = &c->route->modules;
    const struct change_module *m = c->facts[index];
    if (m == NULL || m->chooses_upstream || !m->exports_all)
        return m != NULL && m->chooses_upstream;
    for (size_t i = 0; i < m->imports.n; i++) {
        size_t found = 0;
        if (change_import_find(modules->v[index], m->imports.v[i].name, modules, &found) &&
            found < modules->n && c->facts[found] != NULL && c->facts[found]->chooses_upstream)
            return true;
    }
    return false;
}

static void check_conflicts(const struct chain *c)
{
    const size_t n = c->route->modules.n;
    size_t first = n;
    for (size_t i = 0; i < n; i++) {
        if (is_library(c, i) || !chooses(c, i))
            continue;
        if (first == n) {
            first = i;
            continue;
        }
        report(c, i, first,
               "route %s/%s: modules \"%s\" and \"%s\" both export fetchUpstream: only one module "
               "of a route may choose the upstream",
               c->route->ns, c->route->name, c->route->modules.v[first], c->route->modules.v[i]);
    }
}

void change_chain_check(const struct model_route *route, const struct change_module *const *facts,
                        change_chain_fn report_fn, void *user)
{
    if (route->modules.n == 0)
        return;
    struct chain c = {
        .route = route,
        .facts = facts,
        .reaches = mem_calloc(route->modules.n * route->modules.n, sizeof(bool)),
        .report = report_fn,
        .user = user,
    };
    for (size_t i = 0; i < route->modules.n; i++)
        check_imports(&c, i);
    complete_reaches(&c);
    check_conflicts(&c);
    free(c.reaches);
}
