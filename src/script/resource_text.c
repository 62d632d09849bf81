#include "script/resource_text.h"

#include "codec/json.h"

static json_t *strings(const struct model_strings *list)
{
    json_t *out = json_array();
    for (size_t i = 0; i < list->n; i++)
        (void)json_array_append_new(out, json_text_string(str_of(list->v[i])));
    return out;
}

static void put_text(json_t *object, const char *key, const char *value)
{
    (void)json_object_set_new(object, key, json_text_string(str_of(value)));
}

static bool finish(struct buf *b, json_t *object)
{
    const bool fits = json_text_write(b, object);
    json_decref(object);
    return fits;
}

bool resource_text_route(struct buf *b, const struct model_route *r)
{
    json_t *o = json_object();
    put_text(o, "name", r->name);
    put_text(o, "namespace", r->ns);
    (void)json_object_set_new(o, "paths", strings(&r->paths));
    (void)json_object_set_new(o, "methods", strings(&r->methods));
    (void)json_object_set_new(o, "preserveHost", json_boolean(r->preserve_host));
    (void)json_object_set_new(o, "stripPath", json_boolean(r->strip_path));
    put_text(o, "service", r->service);
    (void)json_object_set_new(o, "modules", strings(&r->modules));
    (void)json_object_set_new(o, "tags", strings(&r->tags));
    return finish(b, o);
}

bool resource_text_service(struct buf *b, const struct model_service *s)
{
    if (s == NULL)
        return buf_add(b, STR("null"));
    json_t *o = json_object();
    put_text(o, "name", s->name);
    put_text(o, "namespace", s->ns);
    (void)json_object_set_new(o, "urls", strings(&s->urls));
    (void)json_object_set_new(o, "retries", json_integer(s->retries));
    (void)json_object_set_new(o, "retryTimeout", json_integer(s->retry_timeout_ns));
    (void)json_object_set_new(o, "connectTimeout", json_integer(s->connect_timeout_ns));
    (void)json_object_set_new(o, "requestTimeout", json_integer(s->request_timeout_ns));
    (void)json_object_set_new(o, "tlsSkipVerify", json_boolean(s->tls_skip_verify));
    (void)json_object_set_new(o, "http2Only", json_boolean(s->http2_only));
    (void)json_object_set_new(o, "hideDGateHeaders", json_boolean(s->hide_dgate_headers));
    (void)json_object_set_new(o, "disableQueryParams", json_boolean(s->disable_query_params));
    (void)json_object_set_new(o, "tags", strings(&s->tags));
    return finish(b, o);
}

bool resource_text_namespace(struct buf *b, const char *name)
{
    json_t *o = json_object();
    put_text(o, "name", name);
    return finish(b, o);
}
