#include "proxy/proxy_headers.h"

#include <string.h>

#include "base/container.h"
#include "model/model.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_client.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_modules.h"

/* Longer than the name of any field that is_for_upstreams() looks for. */
enum { PLAIN_MAX = 24 };

/* Received fields that are not passed on to upstreams (DGate 1 and RFC 9110 section 11.7.2). */
static const bool not_to_upstreams[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_EXPECT] = true,
    [HTTP_FIELD_FORWARDED] = true,
    [HTTP_FIELD_PROXY_AUTHENTICATE] = true,
    [HTTP_FIELD_PROXY_AUTHORIZATION] = true,
    [HTTP_FIELD_X_FORWARDED_FOR] = true,
    [HTTP_FIELD_X_FORWARDED_HOST] = true,
    [HTTP_FIELD_X_FORWARDED_PROTO] = true,
    [HTTP_FIELD_X_REAL_IP] = true,
    [HTTP_FIELD_X_REQUEST_ID] = true,
};

static const bool not_to_clients[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_PROXY_AUTHENTICATE] = true,
    [HTTP_FIELD_PROXY_AUTHORIZATION] = true,
    [HTTP_FIELD_X_REQUEST_ID] = true,
};

/* What belongs to a connection or to framing: http/ keeps it apart from the fields. */
static const bool not_for_modules[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_CONNECTION] = true, [HTTP_FIELD_CONTENT_LENGTH] = true,
    [HTTP_FIELD_EXPECT] = true,     [HTTP_FIELD_HOST] = true,
    [HTTP_FIELD_KEEP_ALIVE] = true, [HTTP_FIELD_PROXY_CONNECTION] = true,
    [HTTP_FIELD_TE] = true,         [HTTP_FIELD_TRAILER] = true,
    [HTTP_FIELD_UPGRADE] = true,    [HTTP_FIELD_TRANSFER_ENCODING] = true,
};

/* Of which a response may have several, each with its own say. */
static bool adds_up(const struct http_field *f)
{
    return f->id == HTTP_FIELD_SET_COOKIE ||
           (f->id == HTTP_FIELD_OTHER &&
            (str_eq_nocase(f->name, STR("vary")) || str_eq_nocase(f->name, STR("link"))));
}

/* Fields that are always the same. */
#define FIELD(field_name, field_id, text)                                                          \
    {                                                                                              \
        .name = {field_name, sizeof(field_name) - 1}, .value = {text, sizeof(text) - 1},           \
        .id = (field_id)                                                                           \
    }
static const struct http_field via_1_0 = FIELD("Via", HTTP_FIELD_VIA, "1.0 dgate");
static const struct http_field via_1_1 = FIELD("Via", HTTP_FIELD_VIA, "1.1 dgate");
static const struct http_field via_2 = FIELD("Via", HTTP_FIELD_VIA, "2 dgate");

static const struct http_field *via(uint8_t version)
{
    if (version == HTTP_1_0)
        return &via_1_0;
    return version == HTTP_2 ? &via_2 : &via_1_1;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_slice(s, 0, prefix.len), prefix);
}

/* What an upstream that reads names as CGI does (RFC 3875 section 4.1.18: "-" becomes "_") takes the name for. */
static struct str plain_name(struct str name, char *space, size_t size)
{
    size_t n = name.len < size ? name.len : size;
    if (name.len == 0 || memchr(name.p, '_', n) == NULL)
        return name;
    for (size_t i = 0; i < n; i++)
        space[i] = (char)(name.p[i] == '_' ? '-' : name.p[i]);
    return (struct str){space, n};
}

/* Whether a field that the client sent is passed on: not what is for us, nor what would pass for ours. */
static bool is_for_upstreams(const struct http_field *f)
{
    char space[PLAIN_MAX];
    if (f->id != HTTP_FIELD_OTHER)
        return !not_to_upstreams[f->id];
    struct str name = plain_name(f->name, space, sizeof(space));
    if (name.p == space && name.len == f->name.len && not_to_upstreams[http_head_field_id(name)])
        return false;
    return !starts_nocase(name, STR("x-dgate-"));
}

/* An empty array with room for n fields. */
static bool reserve(struct http_fields *fs, struct arena *a, uint32_t n)
{
    *fs = (struct http_fields){.cap = n, .v = arena_take(a, n * sizeof(*fs->v))};
    return fs->v != NULL;
}

static bool add(struct http_fields *fs, struct arena *a, const struct http_field *f)
{
    if (fs->n == fs->cap)
        return http_head_add(fs, a, f->name, f->value);
    fs->v[fs->n++] = *f;
    return true;
}

static bool add_all(struct http_fields *fs, struct arena *a, const struct http_fields *more)
{
    for (uint32_t i = 0; i < more->n; i++)
        if (!add(fs, a, &more->v[i]))
            return false;
    return true;
}

/* X-Forwarded-*: replaced, never appended to: what is not believed ends here. */
static void put_forwarded(const struct proxy_request *r, struct http_fields *fs)
{
    struct str client = proxy_client_address(r);
    struct str host = r->down->request->authority;
    if (client.len > 0) {
        fs->v[fs->n++] =
            (struct http_field){STR("X-Forwarded-For"), client, HTTP_FIELD_X_FORWARDED_FOR};
        fs->v[fs->n++] = (struct http_field){STR("X-Real-IP"), client, HTTP_FIELD_X_REAL_IP};
    }
    if (host.len > 0)
        fs->v[fs->n++] =
            (struct http_field){STR("X-Forwarded-Host"), host, HTTP_FIELD_X_FORWARDED_HOST};
    fs->v[fs->n++] = (struct http_field){STR("X-Forwarded-Proto"),
                                         proxy_client_secure(r) ? STR("https") : STR("http"),
                                         HTTP_FIELD_X_FORWARDED_PROTO};
}

static struct http_field request_id(const struct proxy_request *r)
{
    return (struct http_field){STR("X-Request-Id"), r->id, HTTP_FIELD_X_REQUEST_ID};
}

enum proxy_turn proxy_headers_prepare(struct proxy_request *r)
{
    const struct http_fields *received = &r->down->request->fields;
    struct http_fields *fs = &r->fields;
    uint32_t added = 6 + r->route->fields.n + r->proxy->tag_fields.n;
    if (!reserve(fs, &r->down->arena, received->n + added))
        return proxy_error_memory(r);
    for (uint32_t i = 0; i < received->n; i++) {
        const struct http_field *f = &received->v[i];
        if (is_for_upstreams(f))
            fs->v[fs->n++] = *f;
    }
    if (r->proxy->options.x_forwarded_headers)
        put_forwarded(r, fs);
    fs->v[fs->n++] = request_id(r);
    return proxy_request_go(r, PROXY_COLLECT);
}

const struct http_fields *proxy_headers_trailers(struct proxy_request *r,
                                                 const struct http_fields *received)
{
    struct http_fields *kept = arena_alloc(&r->down->arena, sizeof(*kept));
    if (kept == NULL || !reserve(kept, &r->down->arena, received->n))
        return NULL;
    for (uint32_t i = 0; i < received->n; i++)
        if (is_for_upstreams(&received->v[i]))
            kept->v[kept->n++] = received->v[i];
    return kept->n > 0 ? kept : NULL;
}

static bool is_dgate(const struct http_field *f)
{
    static const struct str names[] = {{"X-DGate-Namespace", 17},
                                       {"X-DGate-Route", 13},
                                       {"X-DGate-Service", 15},
                                       {"X-DGate-Tags", 12}};
    for (size_t i = 0; i < ARRAY_LEN(names) && f->id == HTTP_FIELD_OTHER; i++)
        if (str_eq_nocase(f->name, names[i]))
            return true;
    return false;
}

/* What a module wrote must not pass for what we say. */
static void remove_dgate(struct http_fields *fs)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fs->n; i++)
        if (!is_dgate(&fs->v[i]))
            fs->v[kept++] = fs->v[i];
    fs->n = kept;
}

/* Modules read bodies as they come: an upstream must not compress what they are to understand. */
static bool reads_response(const struct proxy_request *r)
{
    return r->modules != NULL && proxy_modules_has(r, SCRIPT_RESPONSE_MODIFIER) &&
           script_program_reads_response_body(proxy_modules_program(r));
}

bool proxy_headers_complete(struct proxy_request *r)
{
    struct http_fields *fs = &r->fields;
    struct arena *a = &r->down->arena;
    if (r->fields_complete)
        return true;
    r->fields_complete = true;
    if (proxy_modules_wrote_fields(r))
        remove_dgate(fs);
    if (reads_response(r) && !http_head_set(fs, a, STR("Accept-Encoding"), STR("identity")))
        return false;
    if (!add(fs, a, via(r->down->request->version)))
        return false;
    return r->limits->hide_dgate_headers ||
           (add_all(fs, a, &r->route->fields) && add_all(fs, a, &r->proxy->tag_fields));
}

static bool has(const struct http_fields *fs, const struct http_field *f)
{
    for (uint32_t i = 0; i < fs->n; i++)
        if (fs->v[i].id == f->id && str_eq_nocase(fs->v[i].name, f->name))
            return true;
    return false;
}

static bool copy_response(const struct proxy_request *r, const struct http_fields *from,
                          struct http_fields *ret)
{
    const struct proxy *p = r->proxy;
    bool globals = r->service != NULL && p->global_fields.n > 0;
    bool dated = globals && http_head_find(&p->global_fields, HTTP_FIELD_DATE) != NULL;
    uint32_t n = from != NULL ? from->n : 0;
    if (!reserve(ret, &r->down->arena, n + p->global_fields.n + 4))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct http_field *f = &from->v[i];
        dated = dated || f->id == HTTP_FIELD_DATE;
        if (!not_to_clients[f->id] && !(globals && has(&p->global_fields, f)))
            ret->v[ret->n++] = *f;
    }
    if (!dated) /* RFC 9110 section 6.6.1 */
        ret->v[ret->n++] = (struct http_field){STR("Date"), exchange_date(), HTTP_FIELD_DATE};
    ret->v[ret->n++] = request_id(r);
    return !globals || add_all(ret, &r->down->arena, &p->global_fields);
}

/* What modules set, before what the upstream sent and they did not set. */
static bool put_before(const struct proxy_request *r, const struct http_fields *set,
                       const struct http_fields *received, struct http_fields *ret)
{
    if (!reserve(ret, &r->down->arena, set->n + received->n))
        return false;
    for (uint32_t i = 0; i < set->n; i++)
        ret->v[ret->n++] = set->v[i];
    for (uint32_t i = 0; i < received->n; i++) {
        const struct http_field *f = &received->v[i];
        if (adds_up(f) || !has(set, f))
            ret->v[ret->n++] = *f;
    }
    return true;
}

bool proxy_headers_response(const struct proxy_request *r, const struct http_fields *received,
                            uint8_t version, struct http_fields *ret)
{
    const struct http_fields *set = proxy_modules_response_fields(r);
    struct http_fields both;
    if (set != NULL) {
        if (!put_before(r, set, received, &both))
            return false;
        received = &both;
    }
    if (!copy_response(r, received, ret))
        return false;
    return r->limits->hide_dgate_headers || add(ret, &r->down->arena, via(version));
}

bool proxy_headers_own(const struct proxy_request *r, const struct http_fields *given,
                       struct http_fields *ret)
{
    return copy_response(r, given, ret);
}

bool proxy_headers_clean(struct http_fields *fields)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->n; i++) {
        const struct http_field *f = &fields->v[i];
        const bool named = f->id != HTTP_FIELD_OTHER || http_head_is_token(f->name);
        if (!named || !http_head_is_value(f->value))
            return false;
        if (!not_for_modules[f->id])
            fields->v[kept++] = *f;
    }
    fields->n = kept;
    return true;
}

/* A protocol that is HTTP itself would let requests past the routes that we would not see. */
static bool is_http(struct str protocol)
{
    return starts_nocase(protocol, STR("h2")) || starts_nocase(protocol, STR("http")) ||
           starts_nocase(protocol, STR("tls"));
}

struct str proxy_headers_upgrade(const struct http_head *request)
{
    struct str rest = request->upgrade;
    struct str protocol;
    if (!request->no_body)
        return (struct str){0};
    while (str_next_item(&rest, &protocol))
        if (is_http(protocol))
            return (struct str){0};
    return request->upgrade;
}
