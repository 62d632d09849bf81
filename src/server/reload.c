#include "server/reload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "config/live.h"
#include "server/config_file.h"

void reload_fit(struct config *c, uint32_t workers, const struct config *running)
{
    enum { OWN_DESCRIPTORS = 64 };
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int64_t spare = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
    spare -= OWN_DESCRIPTORS + workers;
    int64_t *wanted = &c->limits.client_connections;
    if (*wanted <= spare / 2)
        return;
    int64_t allowed = spare / 2 > 16 ? spare / 2 : 16;
    if (running == NULL || running->limits.client_connections != allowed) {
        log_warn("server",
                 "limits.client_connections lowered from %" PRId64 " to %" PRId64
                 ": the system allows %" PRIu64 " descriptors",
                 *wanted, allowed, (uint64_t)limit.rlim_cur);
    }
    *wanted = allowed;
}

/* Each problem begins with file:line. */
static struct config *load(const char *flag)
{
    struct config *c = NULL;
    struct config_warnings warnings = {0};
    struct model_problems problems = {0};
    struct err e = {0};
    bool ok = config_file_load(flag, &c, &warnings, &problems, &e) == ERR_OK;
    for (size_t i = 0; i < warnings.n; i++)
        log_warn("config", "%s", warnings.v[i].text);
    for (size_t i = 0; !ok && i < problems.n; i++)
        log_error("config", "%s%s%s", problems.v[i].path, problems.v[i].path[0] != '\0' ? ": " : "",
                  problems.v[i].text);
    if (!ok && problems.n == 0)
        log_error("config", "%s", e.msg);
    config_warnings_finish(&warnings);
    model_problems_finish(&problems);
    return c;
}

static void log_kept(const struct live_kept_list *kept)
{
    for (size_t i = 0; i < kept->n; i++)
        log_warn("config", "%s needs a restart: it stays %s, the file says %s", kept->v[i].path,
                 kept->v[i].running, kept->v[i].wanted);
}

enum reload_result reload_load(const char *flag, const struct launch *l, struct config **ret)
{
    struct config *wanted = load(flag);
    if (wanted == NULL)
        return RELOAD_BAD;
    struct live_kept_list kept = {0};
    struct config *merged = NULL;
    struct err e = {0};
    enum err_code rc = live_merge(l->config, wanted, &merged, &kept, &e);
    config_destroy(wanted);
    log_kept(&kept);
    live_kept_finish(&kept);
    if (rc != ERR_OK) {
        log_error("config", "%s", e.msg);
        return RELOAD_BAD;
    }
    reload_fit(merged, l->workers, l->config);
    if (live_equal(l->config, merged)) {
        config_destroy(merged);
        return RELOAD_SAME;
    }
    *ret = merged;
    return RELOAD_CHANGED;
}
