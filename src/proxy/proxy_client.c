#include "proxy/proxy_client.h"

#include "codec/forwarded.h"
#include "codec/ip_address.h"

static void find_address(struct proxy_request *r, uint64_t depth)
{
    struct ip_address a;
    const struct str entry =
        forwarded_entry(&r->down->request->fields, HTTP_FIELD_X_FORWARDED_FOR, depth);
    if (!ip_address_parse(entry, &a))
        return;
    char *text = arena_alloc(&r->down->arena, IP_ADDRESS_TEXT_SIZE);
    if (text != NULL)
        r->client = ip_address_text(&a, text);
}

static void find_scheme(struct proxy_request *r, uint64_t depth)
{
    const struct str entry =
        forwarded_entry(&r->down->request->fields, HTTP_FIELD_X_FORWARDED_PROTO, depth);
    if (str_eq_nocase(entry, STR("https")))
        r->client_secure = true;
    else if (str_eq_nocase(entry, STR("http")))
        r->client_secure = false;
}

void proxy_client_find(struct proxy_request *r)
{
    const uint64_t depth = r->proxy->options.x_forwarded_for_depth;
    r->client = str_of(r->down->peer.address);
    r->client_secure = r->down->secure;
    if (depth == 0)
        return;
    find_address(r, depth);
    find_scheme(r, depth);
}

struct str proxy_client_address(const struct proxy_request *r)
{
    return r->client;
}

bool proxy_client_secure(const struct proxy_request *r)
{
    return r->client_secure;
}
