#include "model/relations.h"

#include "base/container.h"
#include "model/fields.h"
#include "model/model.h"
#include "model/rate.h"

static enum err_code needs(const char *field, const char *what, const char **ret, struct err *e)
{
    *ret = field;
    return err_set(e, ERR_INVALID, "has no effect without %s", what);
}

static enum err_code check_route(const struct model_route *r, const char **field, struct err *e)
{
    bool limited = r->rate_limit > 0 || r->max_concurrent > 0;
    if (r->rate_limit == 0 && r->rate_burst > 0)
        return needs("rateBurst", "rateLimit", field, e);
    if (r->rate_limit == 0 && r->rate_period_ns != MODEL_RATE_PERIOD_NS)
        return needs("ratePeriod", "rateLimit", field, e);
    if (!limited && r->limit_by[0] != '\0')
        return needs("limitBy", "rateLimit or maxConcurrent", field, e);
    struct rate rate = {r->rate_limit, r->rate_period_ns, r->rate_burst};
    enum err_code rc = rate_check(&rate, e);
    if (rc != ERR_OK)
        *field = "rateBurst";
    return rc;
}

/* What tunes active checks, where there are none. */
static enum err_code check_health(const struct model_service *s, const char **field, struct err *e)
{
    const struct {
        const char *name;
        int64_t value;
    } tuning[] = {
        {"healthInterval", s->health_interval_ns},
        {"healthTimeout", s->health_timeout_ns},
        {"healthyThreshold", s->healthy_threshold},
        {"unhealthyThreshold", s->unhealthy_threshold},
    };
    if (s->health_path[0] != '\0')
        return ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(tuning); i++) {
        const char *name = tuning[i].name;
        const struct fields_field *f = fields_find(MODEL_SERVICE, str_of(name), MODEL_FROM_STORE);
        if (tuning[i].value != f->default_int)
            return needs(name, "healthPath", field, e);
    }
    return s->health_statuses.n > 0 ? needs("healthStatuses", "healthPath", field, e) : ERR_OK;
}

static enum err_code check_service(const struct model_service *s, const char **field, struct err *e)
{
    if (s->hash_on[0] != '\0' && s->balance != MODEL_BALANCE_HASH)
        return needs("hashOn", "\"balance\": \"hash\"", field, e);
    if (s->weights.n != 0 && s->weights.n != s->urls.n) {
        *field = "weights";
        return err_set(e, ERR_INVALID, "must have as many elements as urls: %zu, not %zu",
                       s->urls.n, s->weights.n);
    }
    return check_health(s, field, e);
}

enum err_code relations_check(const struct model_resource *r, const char **field, struct err *e)
{
    if (r->kind == MODEL_SERVICE)
        return check_service(&r->service, field, e);
    return r->kind == MODEL_ROUTE ? check_route(&r->route, field, e) : ERR_OK;
}
