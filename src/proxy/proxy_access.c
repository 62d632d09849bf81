#include "proxy/proxy_access.h"

#include <string.h>

#include "base/log.h"
#include "codec/ip_address.h"
#include "model/model.h"
#include "proxy/proxy_client.h"
#include "proxy/proxy_error.h"
#include "proxy/proxy_headers.h"
#include "proxy/proxy_limits.h"
#include "route/host_pattern.h"

static const struct str no_detail;

static bool has_any(const struct model_strings *list)
{
    return list != NULL && list->n > 0;
}

static void add_patterns(struct proxy_access_hosts *hosts, const char *key,
                         const struct model_strings *list)
{
    hosts->any = has_any(list);
    for (size_t i = 0; hosts->any && i < list->n; i++) {
        struct host_pattern *pattern = NULL;
        struct err e;
        if (host_pattern_create(str_of(list->v[i]), &pattern, &e) == ERR_OK)
            vec_push(hosts, pattern);
        else
            log_error("proxy", "proxy.%s: \"%s\": %s", key, list->v[i], e.msg);
    }
}

static void finish_patterns(struct proxy_access_hosts *hosts)
{
    for (size_t i = 0; i < hosts->n; i++)
        host_pattern_destroy(hosts->v[i]);
    vec_finish(hosts);
}

void proxy_access_init(struct proxy_access *a, const struct proxy_options *options)
{
    const struct model_strings *list = options->allow_list;
    a->clients_any = has_any(list);
    for (size_t i = 0; a->clients_any && i < list->n; i++) {
        if (!ip_address_list_add(&a->clients, str_of(list->v[i])))
            log_error("proxy", "proxy.allow_list: \"%s\" is neither an address nor a block",
                      list->v[i]);
    }
    add_patterns(&a->served, "allowed_domains", options->allowed_domains);
    add_patterns(&a->secured, "redirect_https", options->redirect_https);
}

void proxy_access_finish(struct proxy_access *a)
{
    ip_address_list_finish(&a->clients);
    finish_patterns(&a->served);
    finish_patterns(&a->secured);
}

enum proxy_turn proxy_access_client(struct proxy_request *r)
{
    struct ip_address client;
    if (ip_address_parse(proxy_client_address(r), &client) &&
        ip_address_in_list(&client, &r->proxy->access.clients))
        return proxy_request_go(r, proxy_limits_first(r->proxy));
    return proxy_error_refuse(r, 403, "this client is not allowed", no_detail);
}

static bool match(const struct proxy_access_hosts *hosts, struct str host)
{
    for (size_t i = 0; i < hosts->n; i++) {
        if (host_pattern_match(hosts->v[i], host))
            return true;
    }
    return false;
}

/* The authority without its port: an IPv6 address keeps its brackets. */
static struct str authority_host(struct str authority)
{
    const size_t from = authority.p[0] == '[' ? str_index(authority, ']', 0) : 0;
    return str_slice(authority, 0, str_index(authority, ':', from));
}

static enum proxy_turn redirect(struct proxy_request *r)
{
    const struct http_head *head = r->down->request;
    const struct str host = authority_host(head->authority);
    struct http_fields fields;
    struct str location;
    if (!arena_printf(&r->down->arena, &location, "https://%.*s", STR_ARG(host)))
        return proxy_error_memory(r);
    /* Longer than what a format may print. */
    char *text = arena_alloc(&r->down->arena, location.len + head->target.len);
    if (text == NULL || !proxy_headers_own(r, NULL, &fields))
        return proxy_error_memory(r);
    memcpy(text, location.p, location.len);
    memcpy(text + location.len, head->target.p, head->target.len);
    location = (struct str){text, location.len + head->target.len};
    if (!http_head_add(&fields, &r->down->arena, STR("Location"), location))
        return proxy_error_memory(r);
    r->reply.status = 307;
    exchange_respond(r->down, 307, &fields, (struct str){0}, (struct str){0});
    return proxy_request_go(r, PROXY_CLOSED);
}

enum proxy_turn proxy_access_host(struct proxy_request *r)
{
    const struct proxy_access *a = &r->proxy->access;
    const struct str host = r->down->request->host;
    if (a->served.any && !match(&a->served, host))
        return proxy_error_refuse(r, 403, "this host is not served", no_detail);
    const bool plain = a->secured.any && !proxy_client_secure(r);
    if (plain && host.len > 0 && match(&a->secured, host))
        return redirect(r);
    return proxy_request_go(r, PROXY_MATCH);
}
