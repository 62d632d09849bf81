/* The configuration: file and environment -> one struct. One table of keys (config/keys.def) with types,
 * defaults and docs drives reading, checking and docs/config.md.
 *
 * The supervisor loads it and hands it to its children as JSON; nobody else reads the file.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "model/model.h"

struct config_pair {
    char *name;
    char *value;
};
struct config_pairs {
    VEC_OF(struct config_pair);
};

struct config_user {
    char *username;
    char *password;
};
struct config_users {
    VEC_OF(struct config_user);
};

enum config_storage { CONFIG_STORAGE_FILE, CONFIG_STORAGE_MEMORY };
enum config_access_log { CONFIG_ACCESS_LOG_OFF, CONFIG_ACCESS_LOG_TEXT, CONFIG_ACCESS_LOG_JSON };
enum config_proxy_protocol { CONFIG_PROXY_PROTOCOL_OFF, CONFIG_PROXY_PROTOCOL_ON };
enum config_auth { CONFIG_AUTH_NONE, CONFIG_AUTH_BASIC, CONFIG_AUTH_KEY };

/* Every duration is in milliseconds, every size in bytes. */
struct config_limits {
    int64_t request_line_max;
    int64_t header_max;
    int64_t header_fields_max;
    int64_t trailer_max;
    int64_t header_timeout_ms;
    int64_t client_idle_timeout_ms;
    int64_t request_body_max;         /* 0: any */
    int64_t request_body_rate_min;    /* bytes a second; 0: none */
    int64_t upstream_idle_timeout_ms; /* between bytes of a response */
    int64_t upstream_keepalive_ms;    /* an idle pooled connection */
    int64_t connect_timeout_ms;       /* default of service.connectTimeout */
    int64_t request_timeout_ms;       /* default of service.requestTimeout */
    int64_t upstream_connections;     /* per upstream address and worker */
    int64_t upstream_queue;           /* requests that wait for one of them */
    int64_t client_connections;       /* per worker */
    int64_t exchange_buffer;          /* each way */
    int64_t request_memory;           /* arena of one request */
    int64_t access_log_buffer;
    int64_t accept_burst;
    int64_t admin_body_max;
    int64_t document_max;
    int64_t module_body_max;       /* body collected for a module */
    int64_t module_request_memory; /* of what they add to a request, bodies apart */
    int64_t module_cpu_ms;         /* per call */
    int64_t module_wall_ms;
    int64_t module_idle_ms;
    int64_t module_heap_mb;         /* per worker VM */
    int64_t module_fetches;         /* per request */
    int64_t fetch_connections;      /* per host and worker */
    int64_t fetch_queue;            /* fetches that wait for one of them */
    int64_t fetch_idle_connections; /* of all hosts, per worker */
    int64_t fetch_connect_timeout_ms;
    int64_t fetch_idle_timeout_ms; /* until a response's head, and between bytes of its body */
    int64_t fetch_header_max;
    int64_t module_timers;    /* per request */
    int64_t module_log_lines; /* per second and worker */
    int64_t module_log_rate;  /* per second, module and worker */
    int64_t module_raise_max; /* how many times these a module's own limits may be */
    int64_t module_kills_max; /* of workers, before a route's modules are switched off; 0: never */
    int64_t module_kills_window_ms;
    int64_t module_stops_max; /* calls that a limit ended, likewise; 0: never */
    int64_t module_stops_window_ms;
    int64_t module_source_max;
    int64_t module_compiled_max;
    int64_t compile_timeout_ms;
    int64_t compiler_idle_ms;
    int64_t compiler_memory_mb;
    int64_t changes_pending;
    int64_t change_log_keep;
    int64_t store_map_mb;
    int64_t retries_max;
    int64_t shutdown_grace_ms;
    int64_t replace_grace_ms;   /* of a worker that a reload or an upgrade replaced */
    int64_t confirm_timeout_ms; /* a worker that has not confirmed a change is skipped */
    int64_t hang_cpu_ms;        /* CPU used without a heartbeat before a worker is killed */
    int64_t schema_max;
    int64_t validate_timeout_ms;
    int64_t cache_bytes;     /* of the node */
    int64_t cache_value_max; /* bytes of one, as JSON */
    int64_t storage_value_max;
    int64_t storage_entries; /* per namespace */
    int64_t storage_bytes;   /* of their keys and values */
    int64_t node_rate_buckets;
    int64_t node_counts;
    int64_t node_upstreams;
    int64_t node_switches;
    int64_t health_checks; /* active checks in flight */
};

struct config {
    char *file; /* its path; NULL: built-in defaults */
    char *version;
    enum log_level log_level;
    bool log_json;
    struct model_strings tags;
    bool debug;
    bool disable_default_namespace;
    bool disable_metrics;
    int64_t workers; /* 0: one per core */

    enum config_storage storage;
    char *storage_dir;

    struct {
        char *host;
        int64_t port;
        enum config_proxy_protocol proxy_protocol;
        enum log_level console_log_level;
        enum config_access_log access_log;
        char *access_log_file; /* "": standard output */
        struct config_pairs global_headers;
        bool disable_x_forwarded_headers;
        bool merge_slashes;
        struct {
            int64_t requests; /* per period and client; 0: no limit */
            int64_t period_ms;
            int64_t burst; /* 0: as requests */
        } rate_limit;
        int64_t max_connections_per_client; /* 0: no limit */
        int64_t max_requests_per_client;    /* at the same time; 0: no limit */
        int64_t x_forwarded_for_depth;
        struct model_strings allow_list; /* IP addresses and CIDR blocks, checked */
        struct model_strings allowed_domains;
        struct model_strings module_env; /* variables that modules see */
        struct model_strings redirect_https;
        bool strict_mode;
        bool disable_private_ips;
    } proxy;

    struct {
        bool enabled;
        char *host;
        int64_t port;
        struct model_strings allow_list; /* IP addresses and CIDR blocks, checked */
        int64_t x_forwarded_for_depth;   /* -1: the peer's address */
        enum config_auth auth;
        struct config_users users;
        struct model_strings keys;
        char *key_header; /* "X-DGate-Key" unless set; "" when the query parameter is used */
        char *key_query;  /* "" unless set */
    } admin;

    struct {
        bool enabled;
        char *host;
        int64_t port;
        bool enable_env_vars;
        struct config_pairs global_headers;
    } test_server;

    struct config_limits limits;

    json_t *
        init_resources; /* {"namespaces": [...], ...} with payload and certificate files read in; entries
                             * in the model's own shape (MODEL_FROM_CONFIG); JSON null when there are none */
};

struct config_warning {
    char *text;
};
struct config_warnings {
    VEC_OF(struct config_warning);
};

/* Finds the file: flag (NULL or ""), then $DG_CONFIG_PATH, then the search order of docs/config.md. NULL when
 * there is none and built-in defaults apply. The result is malloc()ed. */
char *config_find(const char *flag);

/* Loads path (NULL: the defaults; $DG_CONFIG_DATA with $DG_CONFIG_TYPE comes in here too). On failure e says
 * what, where (file:line, key) and what is allowed; all problems are also in problems (may be NULL).
 * Unknown keys become warnings with their line. */
enum err_code config_load(const char *path, struct config **ret, struct config_warnings *warnings,
                          struct model_problems *problems, struct err *e)
    __attribute__((warn_unused_result));
void config_warnings_finish(struct config_warnings *w);

/* To hand it to another process: one JSON object, and back. */
json_t *config_to_json(const struct config *c) __attribute__((warn_unused_result));
enum err_code config_from_json(const json_t *json, struct config **ret, struct err *e)
    __attribute__((warn_unused_result));

void config_destroy(struct config *c);

#endif
