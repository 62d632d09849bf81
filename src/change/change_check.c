/* Each entry is checked by itself first. What concerns routes (same path, users of services and modules,
 * imports) needs all routes of a namespace; they are walked once per namespace, whatever the entries are.
 */
#include "change/change_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "change/change_chain.h"
#include "route/host_pattern.h"
#include "route/pattern.h"

enum {
    USERS_NAMED = 5,  /* in a message; the others are counted, */
    COUNT_MAX = 1000, /* up to here */
    USERS_TEXT_MAX = (USERS_NAMED + 1) * MODEL_LABEL_SIZE,
    TEXT_MAX = ERR_MESSAGE_MAX,
    PATH_MAX_BYTES = 512,
};

/* A path of a route that the request puts. */
struct path_node {
    struct hmap_node node;  /* by canonical path; the first of its chain is in the map */
    struct path_node *next; /* with the same canonical path */
    const struct change_entry *entry;
    size_t index; /* in paths */
    char *canonical;
};

/* Who still uses what an entry deletes. */
struct users {
    size_t n;
    struct buf text;
};

struct namespaces {
    VEC_OF(struct str);
};

struct check {
    struct change_view *view;
    struct change_facts *facts;
    struct change_entry *entries;
    size_t n;
    struct model_problems *problems;
    struct err *error;
    struct users *users; /* one per entry */
    struct namespaces namespaces;
    bool deletes;      /* some entry is a deletion */
    bool puts_modules; /* some entry puts a module */
    struct hmap paths; /* of the routes put into the namespace that is walked */
};

void change_check_problem(struct model_problems *problems, const char *path, const char *field,
                          const char *fmt, ...)
{
    char at[PATH_MAX_BYTES];
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)snprintf(at, sizeof(at), "%s%s%s", path, *path != '\0' && *field != '\0' ? "." : "",
                   field);
    model_problems_add(problems, at, "%s", text);
}

/* A DELETE that cannot be: the error of a single one, a problem among others. */
static void refuse_delete(struct check *c, const struct change_entry *e, enum err_code code,
                          const char *text)
{
    if (c->n == 1)
        (void)err_set(c->error, code, "%s: %s", e->label.p, text);
    else
        change_check_problem(c->problems, e->path, "", "%s: %s", e->label.p, text);
}

/* --- entries by themselves --- */

static struct model_ref ref_to(enum model_kind kind, struct str ns, const char *name)
{
    return (struct model_ref){.kind = kind, .ns = ns, .name = str_of(name)};
}

static void check_namespace(struct check *c, const struct change_entry *e)
{
    struct model_ref ref = {.kind = MODEL_NAMESPACE, .name = e->ref.ns};
    if (e->ref.kind != MODEL_NAMESPACE && !change_view_exists(c->view, &ref))
        change_check_problem(c->problems, e->path, "namespace", "namespace not found: %.*s",
                             STR_ARG(e->ref.ns));
}

static void check_route_paths(struct check *c, const struct change_entry *e)
{
    const struct model_route *r = &e->resource->route;
    for (size_t i = 0; i < r->paths.n; i++) {
        struct pattern *p = NULL;
        struct err error = {0};
        char field[32];
        (void)snprintf(field, sizeof(field), "paths[%zu]", i);
        if (pattern_create(str_of(r->paths.v[i]), &p, &error) != ERR_OK)
            change_check_problem(c->problems, e->path, field, "%s", error.msg);
        pattern_unref(p);
    }
}

/* The modules of a route as they will be. */
struct chain {
    const struct model_route *route;
    const struct change_module **facts;  /* one per module; NULL: it is not there */
    const struct change_entry **entries; /* that put them; NULL: stored */
    struct change_module *read;          /* of the entries */
};

static void chain_finish(struct chain *l)
{
    for (size_t i = 0; i < l->route->modules.n; i++)
        change_facts_finish_module(&l->read[i]);
    free(l->read);
    free(l->entries);
    free(l->facts);
}

static void chain_look(struct check *c, struct chain *l, size_t i)
{
    struct str value = {0};
    struct model_ref ref = ref_to(MODEL_MODULE, str_of(l->route->ns), l->route->modules.v[i]);
    struct buf key;
    if (!change_view_get(c->view, &ref, &l->entries[i], &value))
        return;
    if (l->entries[i] != NULL) {
        change_facts_read_module(l->entries[i]->resource->module.compiled, &l->read[i]);
        l->facts[i] = &l->read[i];
        return;
    }
    buf_init(&key, STORE_KEY_MAX);
    if (model_key(&key, &ref))
        l->facts[i] = change_facts_module(c->facts, buf_str(&key), value);
    buf_finish(&key);
}

static void chain_init(struct check *c, struct chain *l, const struct model_route *route)
{
    const size_t n = route->modules.n > 0 ? route->modules.n : 1;
    *l = (struct chain){
        .route = route,
        .facts = mem_calloc(n, sizeof(struct change_module *)),
        .entries = mem_calloc(n, sizeof(struct change_entry *)),
        .read = mem_calloc(n, sizeof(struct change_module)),
    };
    for (size_t i = 0; i < route->modules.n; i++)
        chain_look(c, l, i);
}

struct route_report {
    struct check *check;
    const struct change_entry *route; /* that the request puts */
};

static void report_in_route(void *user, size_t index, size_t other, const char *text)
{
    const struct route_report *r = user;
    char field[32];
    (void)other;
    (void)snprintf(field, sizeof(field), "modules[%zu]", index);
    change_check_problem(r->check->problems, r->route->path, field, "%s", text);
}

static void check_route_modules(struct check *c, const struct change_entry *e)
{
    struct chain l;
    struct route_report to = {c, e};
    chain_init(c, &l, &e->resource->route);
    for (size_t i = 0; i < l.route->modules.n; i++) {
        char field[32];
        (void)snprintf(field, sizeof(field), "modules[%zu]", i);
        if (l.facts[i] == NULL)
            change_check_problem(c->problems, e->path, field, "module not found: %s",
                                 l.route->modules.v[i]);
    }
    change_chain_check(l.route, l.facts, report_in_route, &to);
    chain_finish(&l);
}

static void check_route(struct check *c, const struct change_entry *e)
{
    const struct model_route *r = &e->resource->route;
    struct model_ref service = ref_to(MODEL_SERVICE, e->ref.ns, r->service);
    check_route_paths(c, e);
    if (r->service[0] != '\0' && !change_view_exists(c->view, &service))
        change_check_problem(c->problems, e->path, "service", "service not found: %s", r->service);
    check_route_modules(c, e);
}

static void check_domain(struct check *c, const struct change_entry *e)
{
    const struct model_domain *d = &e->resource->domain;
    for (size_t i = 0; i < d->patterns.n; i++) {
        struct host_pattern *p = NULL;
        struct err error = {0};
        char field[32];
        (void)snprintf(field, sizeof(field), "patterns[%zu]", i);
        if (host_pattern_create(str_of(d->patterns.v[i]), &p, &error) != ERR_OK)
            change_check_problem(c->problems, e->path, field, "%s", error.msg);
        host_pattern_destroy(p);
    }
}

static void check_put(struct check *c, const struct change_entry *e)
{
    check_namespace(c, e);
    if (e->ref.kind == MODEL_ROUTE)
        check_route(c, e);
    if (e->ref.kind == MODEL_DOMAIN)
        check_domain(c, e);
    struct model_ref collection = {
        .kind = MODEL_COLLECTION, .ns = e->ref.ns, .name = e->ref.collection};
    if (e->ref.kind == MODEL_DOCUMENT && !change_view_exists(c->view, &collection))
        change_check_problem(c->problems, e->path, "collection", "collection not found: %.*s",
                             STR_ARG(e->ref.collection));
}

/* --- what is left in a namespace or collection --- */

static void users_add(struct users *u, const struct model_ref *ref)
{
    char label[MODEL_LABEL_SIZE];
    model_ref_label(ref, label);
    if (u->n < USERS_NAMED)
        (void)!buf_addf(&u->text, "%s%s", u->n > 0 ? ", " : "", label);
    u->n++;
}

/* "a, b and 3 more", at most what fits a message. */
static const char *users_text(struct users *u)
{
    if (u->n > USERS_NAMED)
        (void)!buf_addf(&u->text, " and %zu more", u->n - USERS_NAMED);
    return buf_cstr(&u->text);
}

static bool count_left(void *user, const struct change_view_item *item)
{
    struct users *u = user;
    struct model_ref ref = {0};
    if (model_key_parse(item->key, &ref))
        users_add(u, &ref);
    return u->n < COUNT_MAX;
}

static void check_left(struct check *c, const struct change_entry *e, struct users *u)
{
    char text[TEXT_MAX];
    if (u->n == 0)
        return;
    (void)snprintf(text, sizeof(text), "still has %s", users_text(u));
    refuse_delete(c, e, ERR_CONFLICT, text);
}

/* All documents of a collection, which this request may delete, too. */
static void check_range(struct check *c, const struct change_entry *e)
{
    struct model_ref ref = {.kind = MODEL_COLLECTION, .ns = e->ref.ns, .name = e->ref.collection};
    const struct change_entry *collection = change_view_entry(c->view, &ref);
    bool deleted = collection != NULL && collection->revision != 0;
    if (!deleted && !change_view_exists(c->view, &ref))
        refuse_delete(c, e, ERR_NOT_FOUND, "not found");
}

static void check_delete(struct check *c, const struct change_entry *e, struct users *u)
{
    struct model_ref scope = {.ns = e->ref.kind == MODEL_NAMESPACE ? e->ref.name : e->ref.ns};
    if (e->range) {
        check_range(c, e);
        return;
    }
    if (e->revision == 0) {
        refuse_delete(c, e, ERR_NOT_FOUND, "not found");
        return;
    }
    if (e->ref.kind == MODEL_COLLECTION) {
        scope.kind = MODEL_DOCUMENT;
        scope.collection = e->ref.name;
        change_view_each(c->view, &scope, count_left, u);
        check_left(c, e, u);
    }
    if (e->ref.kind == MODEL_NAMESPACE) {
        for (int kind = 0; kind < MODEL_KIND_COUNT; kind++) {
            scope.kind = (enum model_kind)kind;
            if (scope.kind != MODEL_NAMESPACE)
                change_view_each(c->view, &scope, count_left, u);
        }
        check_left(c, e, u);
    }
}

/* --- routes of a namespace --- */

/* The request's own item, if it is of that command. */
static const struct change_entry *find(const struct check *c, enum change_command command,
                                       const struct model_ref *ref)
{
    const struct change_entry *e = change_view_entry(c->view, ref);
    return e != NULL && e->command == command ? e : NULL;
}

/* Whether one request can match both routes: "*" only meets "*", as a method of its own is preferred. */
static bool methods_meet(const struct model_route *a, const struct model_route *b)
{
    for (size_t i = 0; i < a->methods.n; i++) {
        for (size_t j = 0; j < b->methods.n; j++)
            if (strcmp(a->methods.v[i], b->methods.v[j]) == 0)
                return true;
    }
    return false;
}

static void report_same_path(struct check *c, const struct path_node *p, const char *other)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "paths[%zu]", p->index);
    change_check_problem(c->problems, p->entry->path, field,
                         "%s already has the same path and method: %s", other,
                         p->entry->resource->route.paths.v[p->index]);
}

static void report_repeated_path(struct check *c, const struct path_node *p, size_t first)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "paths[%zu]", p->index);
    change_check_problem(c->problems, p->entry->path, field, "it matches the same as paths[%zu]",
                         first);
}

/* Adds a path, and compares it with those of other routes of the request. */
static void add_path(struct check *c, const struct change_entry *e, size_t index)
{
    struct pattern *pattern = NULL;
    if (pattern_create(str_of(e->resource->route.paths.v[index]), &pattern, NULL) != ERR_OK)
        return; /* reported already */
    struct str canonical = pattern_canonical(pattern);
    struct path_node *p = mem_alloc(sizeof(*p));
    p->entry = e;
    p->index = index;
    p->canonical = mem_dup(canonical.p, canonical.len);
    canonical.p = p->canonical;
    pattern_unref(pattern);

    struct hmap_node *n = hmap_get(&c->paths, canonical);
    if (n == NULL) {
        hmap_add(&c->paths, &p->node, canonical);
        return;
    }
    struct path_node *first = container_of(n, struct path_node, node);
    for (struct path_node *q = first; q != NULL; q = q->next) {
        if (q->entry == e)
            report_repeated_path(c, p, q->index);
        else if (methods_meet(&q->entry->resource->route, &e->resource->route))
            report_same_path(c, p, q->entry->label.p);
    }
    p->next = first->next;
    first->next = p;
}

static void drop_paths(struct check *c)
{
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&c->paths)) != NULL) {
        hmap_remove(&c->paths, n);
        struct path_node *next = NULL;
        for (struct path_node *p = container_of(n, struct path_node, node); p != NULL; p = next) {
            next = p->next;
            free(p->canonical);
            free(p);
        }
    }
    hmap_finish(&c->paths);
}

static void compare_paths(struct check *c, const struct change_facts_route *r)
{
    for (size_t i = 0; i < r->canonical.n; i++) {
        struct hmap_node *n = hmap_get(&c->paths, str_of(r->canonical.v[i]));
        struct path_node *p = n != NULL ? container_of(n, struct path_node, node) : NULL;
        for (; p != NULL; p = p->next) {
            char other[MODEL_LABEL_SIZE];
            struct model_ref ref = ref_to(MODEL_ROUTE, str_of(r->route->ns), r->route->name);
            if (!methods_meet(&p->entry->resource->route, r->route))
                continue;
            model_ref_label(&ref, other);
            report_same_path(c, p, other);
        }
    }
}

static void note_use(struct check *c, const struct model_route *r, enum model_kind kind,
                     const char *name)
{
    struct model_ref used = ref_to(kind, str_of(r->ns), name);
    const struct change_entry *deleted = find(c, CHANGE_DELETE, &used);
    struct model_ref user = ref_to(MODEL_ROUTE, str_of(r->ns), r->name);
    if (deleted != NULL)
        users_add(&c->users[deleted - c->entries], &user);
}

/* The route uses services and modules that the request deletes. */
static void note_uses(struct check *c, const struct model_route *r)
{
    if (r->service[0] != '\0')
        note_use(c, r, MODEL_SERVICE, r->service);
    for (size_t i = 0; i < r->modules.n; i++)
        note_use(c, r, MODEL_MODULE, r->modules.v[i]);
}

struct module_report {
    struct check *check;
    const struct chain *chain;
};

/* Said of the module that the request puts; what is wrong between others only was so before, unless one that is
 * put has left it alone. */
static void report_in_module(void *user, size_t index, size_t other, const char *text)
{
    const struct module_report *r = user;
    const struct change_entry *const *entries = r->chain->entries;
    const struct change_entry *e = entries[index] != NULL ? entries[index] : entries[other];
    for (size_t i = 0; e == NULL && index != other && i < r->chain->route->modules.n; i++)
        e = entries[i];
    if (e != NULL)
        change_check_problem(r->check->problems, e->path, "payload", "%s", text);
}

/* A stored route lists modules that the request puts. */
static void check_new_modules(struct check *c, const struct model_route *r)
{
    bool any = false;
    for (size_t i = 0; i < r->modules.n; i++) {
        struct model_ref ref = ref_to(MODEL_MODULE, str_of(r->ns), r->modules.v[i]);
        any |= find(c, CHANGE_PUT, &ref) != NULL;
    }
    if (!any)
        return;
    struct chain l;
    chain_init(c, &l, r);
    struct module_report to = {c, &l};
    change_chain_check(r, l.facts, report_in_module, &to);
    chain_finish(&l);
}

static bool on_route(void *user, const struct change_view_item *item)
{
    struct check *c = user;
    if (item->entry != NULL) {
        if (c->deletes)
            note_uses(c, &item->entry->resource->route);
        return true;
    }
    const struct change_facts_route *r = change_facts_route(c->facts, item->key, item->value);
    if (r == NULL)
        return true;
    if (c->deletes)
        note_uses(c, r->route);
    if (c->puts_modules)
        check_new_modules(c, r->route);
    if (c->paths.count > 0)
        compare_paths(c, r);
    return true;
}

static void check_routes_of(struct check *c, struct str ns)
{
    struct model_ref scope = {.kind = MODEL_ROUTE, .ns = ns};
    hmap_init(&c->paths);
    for (size_t i = 0; i < c->n; i++) {
        const struct change_entry *e = &c->entries[i];
        if (!change_entry_is(e, CHANGE_PUT, MODEL_ROUTE) || e->twice || !str_eq(e->ref.ns, ns))
            continue;
        for (size_t j = 0; j < e->resource->route.paths.n; j++)
            add_path(c, e, j);
    }
    change_view_each(c->view, &scope, on_route, c);
    drop_paths(c);
}

/* --- all together --- */

/* Whether the routes of its namespace matter for e. */
static bool concerns_routes(const struct change_entry *e)
{
    return e->ref.kind == MODEL_MODULE || change_entry_is(e, CHANGE_PUT, MODEL_ROUTE) ||
           change_entry_is(e, CHANGE_DELETE, MODEL_SERVICE);
}

static void add_namespace(struct check *c, struct str ns)
{
    for (size_t i = 0; i < c->namespaces.n; i++)
        if (str_eq(c->namespaces.v[i], ns))
            return;
    vec_push(&c->namespaces, ns);
}

static void check_entry(struct check *c, size_t i)
{
    const struct change_entry *e = &c->entries[i];
    if (e->twice) {
        change_check_problem(c->problems, e->path, "", "%s is given twice", e->label.p);
        return;
    }
    if (e->command == CHANGE_PUT)
        check_put(c, e);
    else
        check_delete(c, e, &c->users[i]);
    c->deletes = c->deletes || e->command == CHANGE_DELETE;
    c->puts_modules = c->puts_modules || change_entry_is(e, CHANGE_PUT, MODEL_MODULE);
    if (concerns_routes(e))
        add_namespace(c, e->ref.ns);
}

static void check_uses(struct check *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct change_entry *e = &c->entries[i];
        struct users *u = &c->users[i];
        char text[TEXT_MAX];
        if (!change_entry_is(e, CHANGE_DELETE, MODEL_SERVICE) &&
            !change_entry_is(e, CHANGE_DELETE, MODEL_MODULE))
            continue;
        if (u->n == 0 || e->revision == 0)
            continue;
        (void)snprintf(text, sizeof(text), "still used by %s", users_text(u));
        refuse_delete(c, e, ERR_CONFLICT, text);
    }
}

void change_check_run(struct change_view *v, struct change_facts *facts,
                      struct change_entry *entries, size_t n, struct model_problems *problems,
                      struct err *e)
{
    struct check c = {
        .view = v,
        .facts = facts,
        .entries = entries,
        .n = n,
        .problems = problems,
        .error = e,
        .users = mem_calloc(n > 0 ? n : 1, sizeof(struct users)),
    };
    for (size_t i = 0; i < n; i++)
        buf_init(&c.users[i].text, USERS_TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        check_entry(&c, i);
    for (size_t i = 0; i < c.namespaces.n; i++)
        check_routes_of(&c, c.namespaces.v[i]);
    check_uses(&c);
    for (size_t i = 0; i < n; i++)
        buf_finish(&c.users[i].text);
    free(c.users);
    vec_finish(&c.namespaces);
}
