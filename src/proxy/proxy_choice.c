/* A service with a single URL is not asked how that one is: there is no choice. */
#include "proxy/proxy_choice.h"

#include <assert.h>

#include "base/log.h"
#include "base/now.h"
#include "model/model.h"
#include "node/node_counts.h"
#include "node/node_segment.h"
#include "proxy/catalog_service.h"
#include "proxy/proxy_client.h"

/* The URLs of a service as they are now. */
struct outlook {
    struct balance_set all;
    struct balance_set usable;  /* healthy, or to be tried */
    struct balance_set ejected; /* those to be tried */
    uint64_t now_ns;            /* 0: nobody asked yet */
};

static void look(struct proxy_request *r, struct outlook *o)
{
    struct catalog_service *s = r->service;
    *o = (struct outlook){0};
    for (size_t i = 0; i < s->url_count; i++)
        balance_set_add(&o->all, i);
    o->usable = o->all;
    if (s->marks == NULL)
        return;
    const struct node_health *health = node_segment_health(r->proxy->options.node);
    for (size_t i = 0; i < s->url_count; i++) {
        if (!node_health_is_known(health, &s->marks[i]))
            continue;
        if (o->now_ns == 0)
            o->now_ns = now_mono_ns();
        switch (node_health_look(health, s->marks[i].key, &s->policy, o->now_ns)) {
        case NODE_HEALTH_USE:
            break;
        case NODE_HEALTH_TRY:
            balance_set_add(&o->ejected, i);
            break;
        case NODE_HEALTH_AVOID:
            balance_set_remove(&o->usable, i);
            break;
        }
    }
}

/* The value of a cookie (RFC 6265 section 4.2.1). */
static struct str cookie_of(const struct http_fields *fields, struct str name)
{
    for (uint32_t i = 0; i < fields->n; i++) {
        if (fields->v[i].id != HTTP_FIELD_COOKIE)
            continue;
        struct str rest = fields->v[i].value;
        while (rest.len > 0) {
            size_t end = str_index(rest, ';', 0);
            struct str pair = str_trim(str_slice(rest, 0, end));
            size_t equals = str_index(pair, '=', 0);
            if (equals < pair.len && str_eq(str_slice(pair, 0, equals), name))
                return str_skip(pair, equals + 1);
            rest = end < rest.len ? str_skip(rest, end + 1) : (struct str){0};
        }
    }
    return (struct str){0};
}

static struct str header_of(const struct proxy_request *r, struct str name)
{
    if (str_eq_nocase(name, STR("host")))
        return r->down->request->authority;
    const struct http_field *field = http_head_find_name(&r->fields, name);
    return field != NULL ? field->value : (struct str){0};
}

struct str proxy_choice_hash_key(const struct proxy_request *r, struct str hash_on)
{
    const struct str header = STR("header:");
    const struct str cookie = STR("cookie:");
    struct str key = {0};
    if (str_eq(hash_on, STR("path")))
        key = r->path;
    else if (str_starts(hash_on, header))
        key = header_of(r, str_skip(hash_on, header.len));
    else if (str_starts(hash_on, cookie))
        key = cookie_of(&r->fields, str_skip(hash_on, cookie.len));
    return key.len > 0 ? key : proxy_client_address(r);
}

static size_t pick_least(const struct proxy_request *r, const struct balance_set *among)
{
    const struct catalog_service *s = r->service;
    uint32_t active[BALANCE_MAX];
    if (s->marks == NULL)
        return balance_turn(s->balance, among);
    const struct node_counts *counts = node_segment_counts(r->proxy->options.node);
    for (size_t i = 0; i < s->url_count; i++)
        active[i] = balance_set_has(among, i) ? node_counts_sum(counts, s->marks[i].key) : 0;
    return balance_least(s->balance, among, active);
}

static size_t pick(const struct proxy_request *r, const struct balance_set *among)
{
    const struct catalog_service *s = r->service;
    const struct proxy_choice *c = &r->attempt.choice;
    switch ((enum model_balance)s->model->balance) {
    case MODEL_BALANCE_LEAST_CONN:
        return pick_least(r, among);
    case MODEL_BALANCE_HASH:
        return balance_hash(s->balance, among, proxy_choice_hash_key(r, str_of(s->model->hash_on)));
    case MODEL_BALANCE_ROUND_ROBIN:
        break;
    }
    /* Repeats take nobody's turn. */
    return c->made ? balance_after(s->balance, among, c->index) : balance_turn(s->balance, among);
}

static void take(struct proxy_request *r, size_t i)
{
    r->attempt.choice.made = true;
    r->attempt.choice.index = (uint32_t)i;
    r->attempt.url = &r->service->urls[i];
}

/* Takes one of these that may be used; false: there is none. Of one that is to be tried only one request at a time
 * may. */
static bool take_of(struct proxy_request *r, const struct outlook *o, struct balance_set among)
{
    const struct catalog_service *s = r->service;
    for (;;) {
        size_t i = pick(r, &among);
        if (i == BALANCE_NONE)
            return false;
        if (balance_set_has(&o->ejected, i)) {
            struct node_health *health = node_segment_health(r->proxy->options.node);
            if (!node_health_claim(health, s->marks[i].key, &s->policy, o->now_ns)) {
                balance_set_remove(&among, i);
                continue;
            }
            r->attempt.choice.trying = true;
        }
        take(r, i);
        return true;
    }
}

static bool take_any(struct proxy_request *r, const struct balance_set *among)
{
    size_t i = pick(r, among);
    if (i == BALANCE_NONE)
        return false;
    take(r, i);
    return true;
}

bool proxy_choice_first(struct proxy_request *r)
{
    struct outlook o;
    if (r->service->url_count == 0)
        return false;
    if (r->service->url_count == 1) {
        take(r, 0);
        return true;
    }
    look(r, &o);
    return take_of(r, &o, o.usable) || take_any(r, &o.all);
}

static struct balance_set without(struct balance_set s, const struct balance_set *others)
{
    for (size_t i = 0; i < BALANCE_MAX / 64; i++)
        s.bits[i] &= ~others->bits[i];
    return s;
}

void proxy_choice_next(struct proxy_request *r)
{
    struct proxy_choice *c = &r->attempt.choice;
    struct outlook o;
    if (!c->made || r->service->url_count == 1)
        return;
    balance_set_add(&c->tried, c->index);
    look(r, &o);
    if (take_of(r, &o, without(o.usable, &c->tried)))
        return;
    /* Another round, beginning with others than the last one. */
    struct balance_set last = {0};
    balance_set_add(&last, c->index);
    c->tried = last;
    if (take_of(r, &o, without(o.usable, &last)) || take_of(r, &o, o.usable))
        return;
    struct balance_set others = without(o.all, &last);
    (void)take_any(r, &others);
}

void proxy_choice_begin(struct proxy_request *r)
{
    struct proxy_choice *c = &r->attempt.choice;
    const struct catalog_service *s = r->service;
    if (!c->made || s->marks == NULL || s->model->balance != MODEL_BALANCE_LEAST_CONN)
        return;
    uint32_t sum = 0;
    assert(!c->counted);
    c->slot = node_counts_add(node_segment_counts(r->proxy->options.node), r->proxy->options.worker,
                              s->marks[c->index].key, &sum);
    c->counted = true;
}

static void unclaim(struct proxy_request *r)
{
    struct proxy_choice *c = &r->attempt.choice;
    if (!c->trying)
        return;
    c->trying = false;
    node_health_unclaim(node_segment_health(r->proxy->options.node),
                        r->service->marks[c->index].key);
}

void proxy_choice_end(struct proxy_request *r)
{
    struct proxy_choice *c = &r->attempt.choice;
    if (c->counted) {
        c->counted = false;
        node_counts_drop(node_segment_counts(r->proxy->options.node), r->proxy->options.worker,
                         c->slot);
    }
    if (!r->attempt.failed)
        unclaim(r);
}

static void report(struct proxy_request *r, bool ok, const char *why)
{
    struct proxy_choice *c = &r->attempt.choice;
    const struct catalog_service *s = r->service;
    const struct model_service *model = s->model;
    struct node_health *health = node_segment_health(r->proxy->options.node);
    const struct upstream_url *url = &s->urls[c->index];
    c->trying = false;
    switch (node_health_report(health, s->marks[c->index].key, ok, &s->policy, now_mono_ns())) {
    case NODE_HEALTH_EJECTED:
        log_warn("proxy",
                 "service %s/%s: %.*s is ejected for %llu ms: %u failures in a row, last: %s",
                 model->ns, model->name, STR_ARG(url->text),
                 (unsigned long long)(s->policy.fail_ns / 1000000), s->policy.max_fails, why);
        break;
    case NODE_HEALTH_RESTORED:
        log_info("proxy", "service %s/%s: %.*s is used again", model->ns, model->name,
                 STR_ARG(url->text));
        break;
    case NODE_HEALTH_SAME:
        break;
    }
}

void proxy_choice_answered(struct proxy_request *r)
{
    struct proxy_choice *c = &r->attempt.choice;
    struct catalog_service *s = r->service;
    if (!c->made || s->marks == NULL || s->policy.max_fails == 0)
        return;
    uint16_t status = r->attempt.head->status;
    if (model_ints_has(&s->model->fail_statuses, status)) {
        char why[16];
        (void)snprintf(why, sizeof(why), "status %u", (unsigned)status);
        report(r, false, why);
    } else if (node_health_is_known(node_segment_health(r->proxy->options.node),
                                    &s->marks[c->index])) {
        report(r, true, NULL);
    }
}

/* Whether an attempt that ended so says something about the upstream. */
static bool is_failure(const struct exchange_reset *why)
{
    switch (why->code) {
    case EXCHANGE_PEER_CLOSED:
    case EXCHANGE_PEER_RESET:
        return !why->stale;
    case EXCHANGE_PROTOCOL:
    case EXCHANGE_TIMEOUT:
    case EXCHANGE_RESOLVE:
    case EXCHANGE_CONNECT:
    case EXCHANGE_CONNECT_TIMEOUT:
        return true;
    case EXCHANGE_CANCELED:
    case EXCHANGE_OVERLOADED:
    case EXCHANGE_TOO_LARGE:
    case EXCHANGE_SHUTDOWN:
        break;
    }
    return false;
}

void proxy_choice_failed(struct proxy_request *r)
{
    const struct proxy_attempt *a = &r->attempt;
    const struct catalog_service *s = r->service;
    if (!a->choice.made || s->marks == NULL || s->policy.max_fails == 0)
        return;
    if (is_failure(&a->why))
        report(r, false, exchange_reset_text(a->why.code));
    else
        unclaim(r);
}
