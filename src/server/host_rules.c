#include "server/host_rules.h"

#include "route/host_pattern.h"

static bool check(const char *key, const struct model_strings *list,
                  struct model_problems *problems)
{
    bool good = true;
    for (size_t i = 0; i < list->n; i++) {
        struct host_pattern *pattern = NULL;
        struct err e;
        char path[64];
        if (host_pattern_create(str_of(list->v[i]), &pattern, &e) == ERR_OK) {
            host_pattern_destroy(pattern);
            continue;
        }
        (void)snprintf(path, sizeof(path), "proxy.%s[%zu]", key, i);
        model_problems_add(problems, path, "%s", e.msg);
        good = false;
    }
    return good;
}

bool host_rules_check(const struct config *c, struct model_problems *problems)
{
    const bool served = check("allowed_domains", &c->proxy.allowed_domains, problems);
    return check("redirect_https", &c->proxy.redirect_https, problems) && served;
}
