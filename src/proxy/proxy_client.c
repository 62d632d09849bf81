#include "proxy/proxy_client.h"

struct str proxy_client_address(const struct proxy_request *r)
{
    return str_of(r->down->peer.address);
}
