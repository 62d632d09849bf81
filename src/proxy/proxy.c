#include "proxy/proxy.h"

#include <assert.h>

#include "base/mem.h"
#include "proxy/catalog.h"
#include "proxy/proxy_access.h"
#include "proxy/proxy_context.h"
#include "proxy/proxy_request.h"

static void add(struct http_fields *fs, struct str name, struct str value)
{
    if (!http_head_is_token(name) || !http_head_is_value(value))
        return;
    fs->v[fs->n++] =
        (struct http_field){.name = name, .value = value, .id = http_head_field_id(name)};
}

static void make_fields(struct http_fields *fs, size_t count)
{
    fs->cap = (uint32_t)count;
    fs->v = count > 0 ? mem_calloc(count, sizeof(*fs->v)) : NULL;
}

struct proxy *proxy_create(struct loop *loop, struct catalog *catalog, struct http_client *client,
                           const struct proxy_options *options)
{
    struct proxy *p = mem_alloc(sizeof(*p));
    p->loop = loop;
    p->catalog = catalog;
    p->client = client;
    p->options = *options;
    p->limits_clients = options->client_rate.period_ns > 0 || options->client_requests_max > 0;
    assert(!p->limits_clients || options->node != NULL);
    make_fields(&p->global_fields, options->global_header_count);
    for (size_t i = 0; i < options->global_header_count; i++)
        add(&p->global_fields, options->global_headers[i].name, options->global_headers[i].value);
    make_fields(&p->tag_fields, options->tag_count);
    for (size_t i = 0; i < options->tag_count; i++)
        add(&p->tag_fields, STR("X-DGate-Tags"), str_of(options->tags[i]));
    proxy_access_init(&p->access, options);
    proxy_timer_init(&p->timers, loop, proxy_request_on_timer);
    proxy_id_init(&p->ids);
    return p;
}

void proxy_destroy(struct proxy *p)
{
    if (p == NULL)
        return;
    assert(p->stats.active == 0);
    proxy_timer_finish(&p->timers);
    proxy_access_finish(&p->access);
    free(p->global_fields.v);
    free(p->tag_fields.v);
    free(p);
}

void proxy_handle(void *user, struct exchange *x)
{
    proxy_request_start(user, x);
}

void proxy_stats_get(const struct proxy *p, struct proxy_stats *ret)
{
    *ret = p->stats;
    for (int i = 0; i < SCRIPT_LIMIT_COUNT; i++)
        ret->module_limits[i] = script_vm_limit_hits(catalog_vm(p->catalog), (enum script_limit)i);
}
