#include "model/service_rules.h"

#include <stdarg.h>
#include <stdio.h>

#include "model/fields.h"

enum { PATH_SIZE = 4096, TEXT_SIZE = 256 };

struct rules {
    const struct model_service *s;
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

static void check_balance(struct rules *r)
{
    const struct model_service *s = r->s;
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

static void check_health(struct rules *r)
{
    const struct model_service *s = r->s;
    if (s->health_path[0] != '\0')
        return;
    check_unused(r, "healthInterval", s->health_interval_ns);
    check_unused(r, "healthTimeout", s->health_timeout_ns);
    check_unused(r, "healthyThreshold", s->healthy_threshold);
    check_unused(r, "unhealthyThreshold", s->unhealthy_threshold);
    if (s->health_statuses.n > 0)
        complain(r, "healthStatuses", "has no effect without healthPath");
}

bool service_rules_check(const struct model_service *s, const char *base,
                         struct model_problems *problems)
{
    struct rules r = {.s = s, .base = base, .problems = problems};
    check_balance(&r);
    check_health(&r);
    return !r.broken;
}
