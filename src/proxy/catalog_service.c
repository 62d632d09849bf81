#include "proxy/catalog_service.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/fields.h"
#include "model/model.h"
#include "node/node_upstream.h"
#include "proxy/balance.h"
#include "proxy/upstream_url.h"

enum { URLS_MEMORY_MAX = 1 << 20 };

static_assert((int)FIELDS_LIST_MAX <= (int)BALANCE_MAX, "every URL has its place");

static void add_url(struct catalog_service *s, const struct node_segment *node, size_t i)
{
    const struct model_service *model = s->model;
    struct str text = str_of(model->urls.v[i]);
    struct err e;
    if (upstream_url_parse(&s->arena, text, &s->urls[s->url_count], &e) != ERR_OK) {
        log_error("proxy", "service %s/%s: url %s is not used: %s", model->ns, model->name,
                  model->urls.v[i], e.msg);
        return;
    }
    if (s->marks != NULL)
        s->marks[s->url_count].key =
            node_upstream_key(node, str_of(model->ns), str_of(model->name), text);
    s->url_count++;
}

struct catalog_service *catalog_service_create(struct model_resource *r,
                                               const struct node_segment *node)
{
    assert(r->kind == MODEL_SERVICE);
    const struct model_service *model = &r->service;
    struct catalog_service *s = mem_alloc(sizeof(*s));
    struct str names[BALANCE_MAX];
    int64_t weights[BALANCE_MAX];
    s->refs = 1;
    s->resource = r;
    s->model = model;
    s->policy = (struct node_health_policy){.max_fails = (uint32_t)model->max_fails,
                                            .fail_ns = (uint64_t)model->fail_timeout_ns,
                                            .probe_ns = (uint64_t)model->fail_timeout_ns};
    arena_init(&s->arena, URLS_MEMORY_MAX);
    if (model->urls.n > 0)
        s->urls = mem_calloc(model->urls.n, sizeof(*s->urls));
    if (model->urls.n > 0 && node != NULL)
        s->marks = mem_calloc(model->urls.n, sizeof(*s->marks));
    for (size_t i = 0; i < model->urls.n; i++) {
        names[s->url_count] = str_of(model->urls.v[i]);
        weights[s->url_count] = i < model->weights.n ? model->weights.v[i] : 1;
        add_url(s, node, i);
    }
    s->balance = balance_create(names, weights, s->url_count);
    return s;
}

struct catalog_service *catalog_service_ref(struct catalog_service *s)
{
    assert(s->refs > 0 && s->refs < UINT32_MAX);
    s->refs++;
    return s;
}

void catalog_service_unref(struct catalog_service *s)
{
    if (s == NULL)
        return;
    assert(s->refs > 0);
    if (--s->refs > 0)
        return;
    model_destroy(s->resource);
    balance_destroy(s->balance);
    free(s->marks);
    free(s->urls);
    arena_finish(&s->arena);
    free(s);
}

static bool same_weights(const struct model_ints *a, const struct model_ints *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i] != b->v[i])
            return false;
    return true;
}

void catalog_service_continue(struct catalog_service *s, const struct catalog_service *old)
{
    if (s->url_count != old->url_count || !same_weights(&s->model->weights, &old->model->weights))
        return;
    for (size_t i = 0; i < s->url_count; i++)
        if (!str_eq(s->urls[i].text, old->urls[i].text))
            return;
    balance_continue(s->balance, old->balance);
}
