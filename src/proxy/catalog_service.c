#include "proxy/catalog_service.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/model.h"
#include "proxy/upstream_url.h"

enum { URLS_MEMORY_MAX = 1 << 20 };

struct catalog_service {
    uint32_t refs;
    struct model_resource *resource;
    struct arena arena; /* of the URLs */
    struct upstream_url *urls;
    size_t url_count;
    size_t next;
};

struct catalog_service *catalog_service_create(struct model_resource *r)
{
    assert(r->kind == MODEL_SERVICE);
    const struct model_service *model = &r->service;
    struct catalog_service *s = mem_alloc(sizeof(*s));
    s->refs = 1;
    s->resource = r;
    arena_init(&s->arena, URLS_MEMORY_MAX);
    if (model->urls.n > 0)
        s->urls = mem_calloc(model->urls.n, sizeof(*s->urls));
    for (size_t i = 0; i < model->urls.n; i++) {
        struct err e;
        struct str text = str_of(model->urls.v[i]);
        if (upstream_url_parse(&s->arena, text, &s->urls[s->url_count], &e) == ERR_OK)
            s->url_count++;
        else
            log_error("proxy", "service %s/%s: url %s is not used: %s", model->ns, model->name,
                      model->urls.v[i], e.msg);
    }
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
    free(s->urls);
    arena_finish(&s->arena);
    free(s);
}

const struct model_service *catalog_service_model(const struct catalog_service *s)
{
    return &s->resource->service;
}

const struct upstream_url *catalog_service_next(struct catalog_service *s)
{
    if (s->url_count == 0)
        return NULL;
    if (s->next >= s->url_count)
        s->next = 0;
    return &s->urls[s->next++];
}

const struct upstream_url *catalog_service_after(const struct catalog_service *s,
                                                 const struct upstream_url *url)
{
    assert(url >= s->urls && url < s->urls + s->url_count);
    return ++url < s->urls + s->url_count ? url : s->urls;
}

void catalog_service_continue(struct catalog_service *s, const struct catalog_service *old)
{
    if (s->url_count != old->url_count)
        return;
    for (size_t i = 0; i < s->url_count; i++)
        if (!str_eq(s->urls[i].text, old->urls[i].text))
            return;
    s->next = old->next;
}
