#include "model/relations.h"

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

enum err_code relations_check(const struct model_resource *r, const char **field, struct err *e)
{
    return r->kind == MODEL_ROUTE ? check_route(&r->route, field, e) : ERR_OK;
}
