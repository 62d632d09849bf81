#include "model/relations.h"

#include <stdarg.h>
#include <stdio.h>

#include "model/fields.h"
#include "model/rate.h"

enum { PATH_SIZE = 4096, TEXT_SIZE = 256 };

struct rules {
    const char *base;
    struct model_problems *problems;
    bool broken;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct rules *r, const char *field, const char *fmt, ...)
{
    char path[PATH_SIZE];
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)snprintf(path, sizeof(path), "%s%s%s", r->base, r->base[0] != '\0' ? "." : "", field);
    model_problems_add(r->problems, path, "%s", text);
    r->broken = true;
}

static void check_balance(struct rules *r, const struct model_service *s)
{
    if (s->hash_on[0] != '\0' && s->balance != MODEL_BALANCE_HASH)
        complain(r, "hashOn", "has no effect without \"balance\": \"hash\"");
    if (s->weights.n != 0 && s->weights.n != s->urls.n)
        complain(r, "weights", "must have as many elements as urls: %zu, not %zu", s->urls.n,
                 s->weights.n);
}

/* A field that tunes active checks, where there are none. */
static void check_unused(struct rules *r, const char *name, int64_t value)
{
    const struct fields_field *f = fields_find(MODEL_SERVICE, str_of(name), MODEL_FROM_STORE);
    if (value != f->default_int)
        complain(r, name, "has no effect without healthPath");
}

static void check_health(struct rules *r, const struct model_service *s)
{
    if (s->health_path[0] != '\0')
        return;
    check_unused(r, "healthInterval", s->health_interval_ns);
    check_unused(r, "healthTimeout", s->health_timeout_ns);
    check_unused(r, "healthyThreshold", s->healthy_threshold);
    check_unused(r, "unhealthyThreshold", s->unhealthy_threshold);
    if (s->health_statuses.n > 0)
        complain(r, "healthStatuses", "has no effect without healthPath");
}

static void check_limits(struct rules *r, const struct model_route *route)
{
    struct err e = {0};
    struct rate rate = {route->rate_limit, route->rate_period_ns, route->rate_burst};
    bool limited = route->rate_limit > 0 || route->max_concurrent > 0;
    if (route->rate_limit == 0 && route->rate_burst > 0)
        complain(r, "rateBurst", "has no effect without rateLimit");
    if (route->rate_limit == 0 && route->rate_period_ns != MODEL_RATE_PERIOD_NS)
        complain(r, "ratePeriod", "has no effect without rateLimit");
    if (!limited && route->limit_by[0] != '\0')
        complain(r, "limitBy", "has no effect without rateLimit or maxConcurrent");
    if (rate_check(&rate, &e) != ERR_OK)
        complain(r, "rateBurst", "%s", e.msg);
}

bool relations_check(const struct model_resource *r, const char *base,
                     struct model_problems *problems)
{
    struct rules rules = {.base = base, .problems = problems};
    if (r->kind == MODEL_SERVICE) {
        check_balance(&rules, &r->service);
        check_health(&rules, &r->service);
    } else if (r->kind == MODEL_ROUTE) {
        check_limits(&rules, &r->route);
    }
    return !rules.broken;
}
