/* What the files of the proxy share: the inside of struct proxy. Nothing outside proxy/ includes this. */
#ifndef PROXY_PROXY_CONTEXT_H
#define PROXY_PROXY_CONTEXT_H

#include "base/vec.h"
#include "codec/ip_address.h"
#include "proxy/proxy.h"
#include "proxy/proxy_id.h"
#include "proxy/proxy_timer.h"

struct host_pattern;

struct proxy_access_hosts {
    bool any; /* there is such a rule, whatever became of its patterns */
    VEC_OF(struct host_pattern *);
};

/* Rules of proxy_access.c. */
struct proxy_access {
    bool clients_any;
    struct ip_address_list clients;
    struct proxy_access_hosts served;
    struct proxy_access_hosts secured;
};

struct proxy {
    struct loop *loop;
    struct catalog *catalog;
    struct http_client *client;
    struct proxy_options options;
    bool limits_clients;              /* options limit every client: requests begin with ADMIT */
    struct http_fields global_fields; /* of options.global_headers */
    struct http_fields tag_fields;    /* of options.tags */
    struct proxy_access access;
    struct proxy_timers timers;
    struct proxy_id ids;
    struct proxy_stats stats;
};

#endif
