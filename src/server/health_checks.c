/* A service has a target per URL: WAITING for its timer, QUEUED because too many checks are in flight, or CHECKING. A target
 * outlives changes of its service as long as the URL stays, so that what it counted is kept.
 */
#include "server/health_checks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/hmap.h"
#include "base/ilist.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine.h"
#include "codec/url.h"
#include "http/http_client.h"
#include "io/timeout.h"
#include "model/model.h"
#include "node/node_health.h"
#include "node/node_segment.h"
#include "node/node_upstream.h"

enum {
    FIRST_MS = 1000,  /* first checks are spread over so long, or the interval */
    JITTER_PART = 10, /* an interval is up to this part longer or shorter */
    BODY_MAX = 64 * 1024,
};

enum state { IDLE, WAITING, QUEUED, CHECKING };

struct target {
    struct ilist_node node; /* in health_checks.queue while QUEUED */
    struct checked *service;
    char *url;
    struct url parts; /* of url */
    uint64_t key;
    enum state state;
    enum node_health_probe probe; /* the last word */
    uint32_t streak;              /* checks in a row that speak against it */
    struct exchange *x;           /* while CHECKING */
    bool judged;                  /* and the verdict is known, only the body is missing */
    struct timeout timer;         /* until the next check, or of this one */
};

/* A service that is known here. */
struct checked {
    struct hmap_node node;
    struct health_checks *all;
    struct model_resource *resource;
    const struct model_service *model;
    struct target *targets;
    size_t target_count;
    bool seen; /* while everything is read again */
    char key[];
};

struct health_checks {
    struct loop *loop;
    struct health_checks_options options;
    struct node_health *health;
    struct hmap services;
    struct ilist queue;
    uint32_t active;
    uint64_t random;
    bool full_logged;
};

static void start_check(struct target *t);
static void end_check(struct target *t);

static uint64_t random_below(struct health_checks *h, uint64_t n)
{
    h->random = hash_bytes(h->random + 1, STR("jitter"));
    return n > 0 ? h->random % n : 0;
}

static void wait_for_next(struct target *t)
{
    uint64_t ms = model_ms(t->service->model->health_interval_ns);
    uint64_t spread = ms / JITTER_PART;
    t->state = WAITING;
    timeout_set(&t->timer, ms - spread + random_below(t->service->all, 2 * spread + 1));
}

/* What checks found. */

static void set_probe(struct target *t, enum node_health_probe probe)
{
    struct health_checks *h = t->service->all;
    t->probe = probe;
    t->streak = 0;
    if (node_health_set(h->health, t->key, probe) || h->full_logged)
        return;
    h->full_logged = true;
    log_warn("health", "limits.node_upstreams is too small: some upstreams count as healthy");
}

static void judge(struct target *t, bool ok, const char *why)
{
    const struct model_service *s = t->service->model;
    t->judged = true;
    if (t->probe == (ok ? NODE_HEALTH_UP : NODE_HEALTH_DOWN)) {
        t->streak = 0;
        return;
    }
    t->streak++;
    /* The first success of one of which nothing is known is enough. */
    bool enough = ok ? t->probe == NODE_HEALTH_UNKNOWN || t->streak >= s->healthy_threshold
                     : t->streak >= s->unhealthy_threshold;
    if (!enough) {
        log_debug("health", "service %s/%s: %s: %s", s->ns, s->name, t->url, why);
        return;
    }
    if (ok)
        log_info("health", "service %s/%s: %s is up", s->ns, s->name, t->url);
    else
        log_warn("health", "service %s/%s: %s is down: %u checks in a row failed, last: %s", s->ns,
                 s->name, t->url, t->streak, why);
    set_probe(t, ok ? NODE_HEALTH_UP : NODE_HEALTH_DOWN);
}

/* One check. */

static bool is_success(const struct model_service *s, uint16_t status)
{
    if (s->health_statuses.n == 0)
        return status >= 200 && status < 400;
    return model_ints_has(&s->health_statuses, status);
}

static void on_head(struct exchange *x, const struct http_head *head)
{
    struct target *t = x->user;
    char why[32];
    (void)snprintf(why, sizeof(why), "status %u", (unsigned)head->status);
    judge(t, is_success(t->service->model, head->status), why);
    if (head->status == 101)
        end_check(t);
    else
        exchange_grant(x, BODY_MAX);
}

static void on_reset(struct exchange *x, const struct exchange_reset *why)
{
    struct target *t = x->user;
    char text[256];
    (void)snprintf(text, sizeof(text), "%s%s%s", exchange_reset_text(why->code),
                   why->detail != NULL ? ": " : "", why->detail != NULL ? why->detail : "");
    if (!t->judged)
        judge(t, false, text);
}

static void on_done(struct exchange *x)
{
    struct target *t = x->user;
    t->x = NULL;
    end_check(t);
}

static const struct exchange_events events = {
    .on_head = on_head,
    .on_reset = on_reset,
    .on_done = on_done,
};

static void let_go(struct target *t)
{
    struct exchange *x = t->x;
    if (x == NULL)
        return;
    t->x = NULL;
    exchange_forget(x);
    exchange_reset(x, EXCHANGE_CANCELED);
}

/* Lets the next one that waits begin. */
static void leave(struct health_checks *h)
{
    assert(h->active > 0);
    h->active--;
    struct ilist_node *n = ilist_pop(&h->queue);
    if (n != NULL)
        start_check(container_of(n, struct target, node));
}

static void end_check(struct target *t)
{
    struct health_checks *h = t->service->all;
    let_go(t);
    wait_for_next(t);
    leave(h);
}

static void open_check(struct target *t)
{
    const struct model_service *s = t->service->model;
    struct http_field v[] = {
        {STR("User-Agent"), STR("dgate-health-check"), HTTP_FIELD_USER_AGENT},
        {STR("Accept"), STR("*/*"), HTTP_FIELD_OTHER},
    };
    struct str authority = str_skip(str_of(t->url), (size_t)(t->parts.host.p - t->url) -
                                                        (t->parts.host_is_ipv6 ? 1 : 0));
    const size_t path = str_index(authority, '/', 0);
    const size_t query = str_index(authority, '?', 0);
    authority = str_slice(authority, 0, path < query ? path : query);
    const struct http_head head = {
        .method = STR("GET"),
        .scheme = STR("http"),
        .authority = authority,
        .target = str_of(s->health_path),
        .version = HTTP_1_1,
        .no_body = true,
        .fields = {.v = v, .n = 2, .cap = 2},
    };
    const struct http_client_request request = {
        .host = t->parts.host,
        .port = t->parts.port,
        .head = &head,
        .connect_timeout_ms = model_ms(s->health_timeout_ns),
        .events = &events,
        .user = t,
    };
    t->x = http_client_open(t->service->all->options.client, &request);
}

static void start_check(struct target *t)
{
    struct health_checks *h = t->service->all;
    if (h->active == h->options.active_max) {
        t->state = QUEUED;
        ilist_push(&h->queue, &t->node);
        return;
    }
    h->active++;
    t->state = CHECKING;
    t->judged = false;
    timeout_set(&t->timer, model_ms(t->service->model->health_timeout_ns));
    open_check(t);
}

static void on_timer(struct timeout *timer)
{
    struct target *t = container_of(timer, struct target, timer);
    if (t->state == WAITING) {
        start_check(t);
        return;
    }
    assert(t->state == CHECKING);
    if (!t->judged)
        judge(t, false, "timed out");
    end_check(t);
}

/* Targets and services. */

static void stop(struct target *t)
{
    enum state state = t->state;
    t->state = IDLE;
    timeout_clear(&t->timer);
    ilist_remove(&t->node);
    let_go(t);
    if (state == CHECKING)
        leave(t->service->all);
}

static void target_finish(struct target *t)
{
    stop(t);
    timeout_finish(&t->timer);
    free(t->url);
}

/* What the segment knows from an earlier control counts. */
static void target_init(struct target *t, struct checked *c, const char *url)
{
    struct health_checks *h = c->all;
    struct node_health_info info;
    t->service = c;
    t->url = mem_strdup(url);
    t->key = node_upstream_key(h->options.node, str_of(c->model->ns), str_of(c->model->name),
                               str_of(url));
    timeout_init(&t->timer, h->loop, on_timer);
    node_health_get(h->health, t->key, &info);
    t->probe = info.probe;
}

static void target_begin(struct target *t)
{
    const struct model_service *s = t->service->model;
    struct err e;
    if (s->health_path[0] == '\0') {
        if (t->probe != NODE_HEALTH_UNKNOWN)
            set_probe(t, NODE_HEALTH_UNKNOWN);
        return;
    }
    if (url_parse(str_of(t->url), &t->parts, &e) != ERR_OK)
        return;
    uint64_t ms = model_ms(s->health_interval_ns);
    t->state = WAITING;
    timeout_set(&t->timer, random_below(t->service->all, ms < FIRST_MS ? ms : FIRST_MS));
}

static size_t find_target(const struct checked *c, const char *url)
{
    size_t i = 0;
    while (i < c->target_count && strcmp(c->targets[i].url, url) != 0)
        i++;
    return i;
}

static void free_targets(struct target *targets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        target_finish(&targets[i]);
    free(targets);
}

/* The service is like that now (resource is taken over). One target for a URL that is given twice. */
static void service_set(struct checked *c, struct model_resource *resource)
{
    struct checked old = *c;
    const struct model_strings *urls = &resource->service.urls;
    c->resource = resource;
    c->model = &resource->service;
    c->targets = mem_calloc(urls->n + 1, sizeof(*c->targets));
    c->target_count = 0;
    for (size_t i = 0; i < urls->n; i++) {
        if (find_target(c, urls->v[i]) < c->target_count)
            continue;
        struct target *t = &c->targets[c->target_count++];
        target_init(t, c, urls->v[i]);
        size_t before = find_target(&old, urls->v[i]);
        if (before < old.target_count)
            t->streak = old.targets[before].streak;
    }
    for (size_t i = 0; i < old.target_count; i++) {
        old.targets[i].service = c;
        if (find_target(c, old.targets[i].url) == c->target_count)
            node_health_remove(c->all->health, old.targets[i].key);
    }
    free_targets(old.targets, old.target_count);
    model_destroy(old.resource);
    for (size_t i = 0; i < c->target_count; i++)
        target_begin(&c->targets[i]);
}

static void service_free(struct checked *c)
{
    hmap_remove(&c->all->services, &c->node);
    free_targets(c->targets, c->target_count);
    model_destroy(c->resource);
    free(c);
}

static void service_forget(struct checked *c)
{
    for (size_t i = 0; i < c->target_count; i++)
        node_health_remove(c->all->health, c->targets[i].key);
    service_free(c);
}

static struct checked *service_of(struct health_checks *h, struct str key)
{
    struct hmap_node *n = hmap_get(&h->services, key);
    return n != NULL ? container_of(n, struct checked, node) : NULL;
}

static struct checked *service_get(struct health_checks *h, struct str key)
{
    struct checked *c = service_of(h, key);
    if (c != NULL)
        return c;
    c = mem_alloc(sizeof(*c) + key.len);
    c->all = h;
    memcpy(c->key, key.p, key.len);
    hmap_add(&h->services, &c->node, (struct str){c->key, key.len});
    return c;
}

static void put(struct health_checks *h, struct str key, struct str value)
{
    struct err e;
    struct model_resource *r = model_decode_stored(MODEL_SERVICE, store_value_json(value), &e);
    if (r == NULL)
        return; /* whoever reads it for the workers says why */
    struct checked *c = service_get(h, key);
    service_set(c, r);
    c->seen = true;
}

static bool on_stored(void *user, struct str key, struct str value)
{
    put(user, key, value);
    return true;
}

/* Reads all services. */
static void reload(struct health_checks *h, struct store_read *read)
{
    hmap_for_each (n, &h->services)
        container_of(n, struct checked, node)->seen = false;
    store_each(read, STORE_RESOURCES, STR("service\0"), STR(""), on_stored, h);
    struct hmap_node *n = hmap_first(&h->services);
    while (n != NULL) {
        struct checked *c = container_of(n, struct checked, node);
        n = hmap_next(&h->services, n);
        if (!c->seen)
            service_forget(c);
    }
}

static void apply_key(struct health_checks *h, struct store_read *read, struct str key)
{
    struct str value = {0};
    if (store_get(read, STORE_RESOURCES, key, &value)) {
        put(h, key, value);
        return;
    }
    struct checked *c = service_of(h, key);
    if (c != NULL)
        service_forget(c);
}

static bool concerns(const struct engine_key *k)
{
    return k->table == STORE_RESOURCES && str_starts(k->key, STR("service\0"));
}

/* What a change says about services: nothing, single ones, or that all are to be read. */
enum extent { NOTHING, SOME, ALL };

static enum extent extent_of(const struct engine_applied *applied)
{
    enum extent extent = applied->reset ? ALL : NOTHING;
    for (size_t i = 0; i < applied->key_count && extent != ALL; i++)
        if (concerns(&applied->keys[i]))
            extent = str_ends(applied->keys[i].key, STR("\0")) ? ALL : SOME;
    return extent;
}

void health_checks_applied(void *user, const struct engine_applied *applied)
{
    struct health_checks *h = user;
    struct store_read *read = NULL;
    struct err e;
    enum extent extent = extent_of(applied);
    if (extent == NOTHING)
        return;
    if (store_read_begin(h->options.store, &read, &e) != ERR_OK) {
        log_warn("health", "services are checked as they were before: %s", e.msg);
        return;
    }
    if (extent == ALL)
        reload(h, read);
    for (size_t i = 0; extent == SOME && i < applied->key_count; i++)
        if (concerns(&applied->keys[i]))
            apply_key(h, read, applied->keys[i].key);
    store_read_end(read);
}

struct health_checks *health_checks_create(struct loop *loop,
                                           const struct health_checks_options *options)
{
    struct health_checks *h = mem_alloc(sizeof(*h));
    assert(options->active_max > 0);
    h->loop = loop;
    h->options = *options;
    h->health = node_segment_health(options->node);
    h->random = hash_make_seed();
    ilist_init(&h->queue);
    health_checks_applied(h, &(struct engine_applied){.reset = true});
    return h;
}

void health_checks_destroy(struct health_checks *h)
{
    if (h == NULL)
        return;
    while (ilist_pop(&h->queue) != NULL) /* nobody begins a check any more */
        ;
    struct hmap_node *n = NULL;
    while ((n = hmap_any(&h->services)) != NULL)
        service_free(container_of(n, struct checked, node));
    hmap_finish(&h->services);
    free(h);
}
