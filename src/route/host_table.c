/* A hash leads from a host to the domains that name it exactly. Domains with other patterns are in a list of
 * their own, in order; a search looks at those of them that come before the first exact one.
 */
#include "route/host_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmap.h"
#include "base/mem.h"
#include "base/vec.h"
#include "route/host_pattern.h"

struct domain {
    struct hmap_node node; /* in host_table.domains by "namespace NUL name" */
    char *key;
    struct str ns; /* both in key */
    struct str name;
    int64_t priority;
    struct host_pattern **patterns;
    size_t count;
    bool listed; /* in host_table.others */
};

struct entry {
    struct domain *domain;
};

/* Domains in order. */
struct entries {
    VEC_OF(struct entry);
};

/* A host that at least one domain names exactly. */
struct exact {
    struct hmap_node node; /* in host_table.exact */
    char *host;
    struct entries domains;
};

/* How many domains a namespace has. */
struct owner {
    struct hmap_node node; /* in host_table.owners */
    char *ns;
    size_t domains;
};

struct host_table {
    struct hmap domains;
    struct hmap exact;
    struct hmap owners;
    struct entries others;
};

struct host_table *host_table_create(void)
{
    return mem_alloc(sizeof(struct host_table));
}

static int compare(const struct domain *a, const struct domain *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    int c = str_cmp(a->name, b->name);
    return c != 0 ? c : str_cmp(a->ns, b->ns);
}

/* Position of the first one that does not come before d. */
static size_t position(const struct entries *es, const struct domain *d)
{
    size_t low = 0;
    size_t high = es->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(es->v[middle].domain, d) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A second time has no effect: a domain may name a host twice. */
static void insert(struct entries *es, struct domain *d)
{
    size_t at = position(es, d);
    if (at < es->n && es->v[at].domain == d)
        return;
    vec_push(es, (struct entry){d});
    memmove(es->v + at + 1, es->v + at, (es->n - 1 - at) * sizeof(es->v[0]));
    es->v[at].domain = d;
}

static void erase(struct entries *es, const struct domain *d)
{
    size_t at = position(es, d);
    if (at == es->n || es->v[at].domain != d)
        return;
    memmove(es->v + at, es->v + at + 1, (es->n - 1 - at) * sizeof(es->v[0]));
    es->n--;
}

static struct exact *exact_of(struct hmap_node *n)
{
    return container_of(n, struct exact, node);
}

static struct owner *owner_of(struct hmap_node *n)
{
    return container_of(n, struct owner, node);
}

static struct domain *domain_of(struct hmap_node *n)
{
    return container_of(n, struct domain, node);
}

static void exact_add(struct host_table *t, struct str host, struct domain *d)
{
    struct hmap_node *n = hmap_get(&t->exact, host);
    if (n == NULL) {
        struct exact *x = mem_alloc(sizeof(*x));
        x->host = mem_dup(host.p, host.len);
        n = &x->node;
        hmap_add(&t->exact, n, (struct str){x->host, host.len});
    }
    insert(&exact_of(n)->domains, d);
}

static void exact_remove(struct host_table *t, struct str host, const struct domain *d)
{
    struct hmap_node *n = hmap_get(&t->exact, host);
    if (n == NULL)
        return;
    struct exact *x = exact_of(n);
    erase(&x->domains, d);
    if (x->domains.n > 0)
        return;
    hmap_remove(&t->exact, n);
    vec_finish(&x->domains);
    free(x->host);
    free(x);
}

static void owner_add(struct host_table *t, struct str ns)
{
    struct hmap_node *n = hmap_get(&t->owners, ns);
    if (n == NULL) {
        struct owner *o = mem_alloc(sizeof(*o));
        o->ns = mem_dup(ns.p, ns.len);
        n = &o->node;
        hmap_add(&t->owners, n, (struct str){o->ns, ns.len});
    }
    owner_of(n)->domains++;
}

static void owner_remove(struct host_table *t, struct str ns)
{
    struct hmap_node *n = hmap_get(&t->owners, ns);
    assert(n != NULL);
    struct owner *o = owner_of(n);
    if (--o->domains > 0)
        return;
    hmap_remove(&t->owners, n);
    free(o->ns);
    free(o);
}

static struct domain *domain_create(struct str ns, struct str name)
{
    struct domain *d = mem_alloc(sizeof(*d));
    d->key = mem_alloc(ns.len + 1 + name.len + 1);
    if (ns.len > 0)
        memcpy(d->key, ns.p, ns.len);
    if (name.len > 0)
        memcpy(d->key + ns.len + 1, name.p, name.len);
    d->ns = (struct str){d->key, ns.len};
    d->name = (struct str){d->key + ns.len + 1, name.len};
    return d;
}

static struct str domain_key(const struct domain *d)
{
    return (struct str){d->key, d->ns.len + 1 + d->name.len};
}

static void domain_free(struct domain *d)
{
    for (size_t i = 0; i < d->count; i++)
        host_pattern_destroy(d->patterns[i]);
    free(d->patterns);
    free(d->key);
    free(d);
}

static void link_domain(struct host_table *t, struct domain *d)
{
    hmap_add(&t->domains, &d->node, domain_key(d));
    owner_add(t, d->ns);
    for (size_t i = 0; i < d->count; i++) {
        struct str host;
        if (host_pattern_exact(d->patterns[i], &host))
            exact_add(t, host, d);
        else
            d->listed = true;
    }
    if (d->listed)
        insert(&t->others, d);
}

static void unlink_domain(struct host_table *t, struct domain *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct str host;
        if (host_pattern_exact(d->patterns[i], &host))
            exact_remove(t, host, d);
    }
    if (d->listed)
        erase(&t->others, d);
    owner_remove(t, d->ns);
    hmap_remove(&t->domains, &d->node);
}

void host_table_put(struct host_table *t, struct str ns, struct str name, int64_t priority,
                    struct host_pattern *const *patterns, size_t count)
{
    host_table_remove(t, ns, name);
    struct domain *d = domain_create(ns, name);
    d->priority = priority;
    d->count = count;
    if (count > 0) {
        d->patterns = mem_calloc(count, sizeof(struct host_pattern *));
        memcpy(d->patterns, patterns, count * sizeof(struct host_pattern *));
    }
    link_domain(t, d);
}

void host_table_remove(struct host_table *t, struct str ns, struct str name)
{
    struct domain *wanted = domain_create(ns, name);
    struct hmap_node *n = hmap_get(&t->domains, domain_key(wanted));
    domain_free(wanted);
    if (n == NULL)
        return;
    struct domain *d = domain_of(n);
    unlink_domain(t, d);
    domain_free(d);
}

void host_table_destroy(struct host_table *t)
{
    if (t == NULL)
        return;
    for (struct hmap_node *n = hmap_any(&t->domains); n != NULL; n = hmap_any(&t->domains)) {
        struct domain *d = domain_of(n);
        unlink_domain(t, d);
        domain_free(d);
    }
    hmap_finish(&t->domains);
    hmap_finish(&t->exact);
    hmap_finish(&t->owners);
    vec_finish(&t->others);
    free(t);
}

/* The first domain that names host exactly. */
static const struct domain *find_exact(const struct host_table *t, struct str host)
{
    char lower[HOST_PATTERN_HOST_MAX] __attribute__((uninitialized));
    if (host.len > 1 && host.p[host.len - 1] == '.')
        host.len--;
    if (t->exact.count == 0 || host.len >= sizeof(lower))
        return NULL;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    struct hmap_node *n = hmap_get(&t->exact, (struct str){lower, host.len});
    return n != NULL ? exact_of(n)->domains.v[0].domain : NULL;
}

static bool matches_other(const struct domain *d, struct str host)
{
    for (size_t i = 0; i < d->count; i++) {
        struct str exact;
        if (!host_pattern_exact(d->patterns[i], &exact) && host_pattern_match(d->patterns[i], host))
            return true;
    }
    return false;
}

bool host_table_find(const struct host_table *t, struct str host, struct str *ns)
{
    const struct domain *best = find_exact(t, host);
    for (size_t i = 0; i < t->others.n; i++) {
        const struct domain *d = t->others.v[i].domain;
        if (best != NULL && compare(best, d) <= 0)
            break;
        if (matches_other(d, host)) {
            best = d;
            break;
        }
    }
    if (best == NULL)
        return false;
    *ns = best->ns;
    return true;
}

bool host_table_has(const struct host_table *t, struct str ns)
{
    return hmap_get(&t->owners, ns) != NULL;
}

bool host_table_empty(const struct host_table *t)
{
    return t->domains.count == 0;
}
