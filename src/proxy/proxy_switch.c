#include "proxy/proxy_switch.h"

#include "base/now.h"
#include "node/node_segment.h"
#include "node/node_switches.h"
#include "proxy/catalog_route.h"
#include "proxy/proxy_error.h"

enum { TEXT_MAX = 640 };

/* Names are free text; this one goes into a JSON string as it is. */
static void make_plain(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
}

static const char *describe(struct proxy_request *r, const struct node_switches_info *info)
{
    char since[NOW_RFC3339_SIZE];
    char text[TEXT_MAX];
    now_rfc3339((int64_t)info->since_ms, since);
    (void)snprintf(text, sizeof(text),
                   "module %s of route %s is switched off since %s: %u %s; it stays so until the "
                   "module or the route is changed or switched on",
                   info->module, info->route, since, (unsigned)info->count,
                   info->reason == NODE_SWITCHES_KILLS ? "workers hung in it and were killed"
                                                       : "of its calls were ended by limits");
    make_plain(text);
    struct str copy = {0};
    return arena_printf(&r->down->arena, &copy, "%s", text) ? copy.p : NULL;
}

/* The route's key. The first time that it is asked for, what the route had before is forgotten. */
static uint64_t key_of(struct catalog_route *route, struct node_switches *s)
{
    if (route->fingerprint != 0)
        return route->fingerprint;
    char name[NODE_SWITCHES_ROUTE_SIZE];
    const struct str called =
        node_switches_route(str_of(route->model->ns), str_of(route->model->name), name);
    const uint64_t key = catalog_route_fingerprint(route);
    (void)node_switches_on(s, called, key, (uint64_t)now_wall_ms());
    return key;
}

bool proxy_switch_refuse(struct proxy_request *r, enum proxy_turn *turn)
{
    if (r->proxy->options.node == NULL)
        return false;
    struct node_switches *s = node_segment_switches(r->proxy->options.node);
    if (!node_switches_are_used(s))
        return false;
    struct node_switches_info info = {0};
    if (!node_switches_get(s, key_of(r->route, s), &info))
        return false;
    const char *text = describe(r, &info);
    r->proxy->stats.module_errors++;
    *turn =
        text != NULL ? proxy_error_refuse(r, 503, text, (struct str){0}) : proxy_error_memory(r);
    return true;
}
