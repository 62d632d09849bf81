#include "config/keys.h"

#include <string.h>

#include "base/container.h"
#include "config/address.h"
#include "config/config.h"
#include "config/text_checks.h"
#include "model/rate.h"

#define KEY(name, kind, member, ...)                                                               \
    {                                                                                              \
        .path = (name), .type = (kind), .offset = offsetof(struct config, member), __VA_ARGS__     \
    }
#define MAP(name, text)                                                                            \
    {                                                                                              \
        .path = (name), .type = KEYS_MAP, .doc = (text)                                            \
    }
#define REFUSED(name, reason, text)                                                                \
    {                                                                                              \
        .path = (name), .type = KEYS_REFUSED, .later = (reason), .doc = (text)                     \
    }
#define TRANSPORT(name, text) REFUSED("proxy.client_transport." name, transport_later, text)
#define NUMBER(name, value, least, most, text)                                                     \
    KEY("limits." #name, KEYS_INT, limits.name, .default_int = (value), .min = (least),            \
        .max = (most), .doc = (text))
#define TIME(name, value, least, most, text)                                                       \
    KEY("limits." #name, KEYS_MS, limits.name, .default_int = (value), .min = (least),             \
        .max = (most), .doc = (text))

enum { KIB = 1024, MIB = 1024 * 1024 };
enum { PATH_BYTES = 4096, SECRET_BYTES = 1024, PATTERN_BYTES = 2048 };
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const char tls_later[] = "TLS listeners are not part of this version; remove the key";
static const char http2_later[] = "HTTP/2 is not part of this version; remove the key";
static const char transport_later[] =
    "this setting of the upstream client is not part of this version; see limits.*; remove the key";
static const char cluster_later[] = "clusters are not part of this version; remove the key";

static const struct keys_word log_levels[] = {
    {"debug", LOG_DEBUG},  {"info", LOG_INFO},
    {"warn", LOG_WARN},    {"error", LOG_ERROR},
    {"trace", LOG_DEBUG},  {"warning", LOG_WARN},
    {"fatal", LOG_ERROR},  {"panic", LOG_ERROR},
    {"dpanic", LOG_ERROR}, {NULL, 0},
};

static const struct keys_word storages[] = {
    {"file", CONFIG_STORAGE_FILE},
    {"memory", CONFIG_STORAGE_MEMORY},
    {NULL, 0},
};

static const struct keys_word auths[] = {
    {"none", CONFIG_AUTH_NONE},
    {"basic", CONFIG_AUTH_BASIC},
    {"key", CONFIG_AUTH_KEY},
    {NULL, 0},
};

static const struct keys_word proxy_protocols[] = {
    {"off", CONFIG_PROXY_PROTOCOL_OFF},
    {"on", CONFIG_PROXY_PROTOCOL_ON},
    {NULL, 0},
};

static const struct keys_word access_logs[] = {
    {"off", CONFIG_ACCESS_LOG_OFF},
    {"text", CONFIG_ACCESS_LOG_TEXT},
    {"json", CONFIG_ACCESS_LOG_JSON},
    {NULL, 0},
};

const struct keys_key keys_all[] = {
    KEY("version", KEYS_STRING, version, .default_text = "v1", .check = text_checks_version,
        .doc = "version of the file's format: v1"),
    KEY("log_level", KEYS_WORD, log_level, .default_int = LOG_INFO, .words = log_levels,
        .doc = "least level that is logged"),
    KEY("log_json", KEYS_BOOL, log_json, .doc = "log one JSON object a line"),
    REFUSED("log_color", "coloured logs are not part of this version; remove the key",
            "colours in the log"),
    REFUSED("Logger", "use log_level and log_json; remove the key", "DGate 1's logger settings"),
    REFUSED("node_id", cluster_later, "name of the node"),
    KEY("tags", KEYS_STRINGS, tags, .max = MODEL_NAME_MAX, .check = text_checks_tag,
        .doc = "labels of the server, sent to upstreams as X-DGate-Tags"),
    KEY("debug", KEYS_BOOL, debug,
        .doc = "sets log_level to debug unless log_level is given; nothing else"),
    KEY("disable_default_namespace", KEYS_BOOL, disable_default_namespace,
        .doc = "no namespace \"default\": neither made at the first start, nor filled in where "
               "none is "
               "named, nor used for hosts that no domain claims"),
    KEY("disable_metrics", KEYS_BOOL, disable_metrics, .doc = "no /metrics on the admin API"),
    KEY("workers", KEYS_INT, workers, .max = 256, .doc = "worker processes; 0: one per processor"),

    MAP("storage", "where the state is kept"),
    KEY("storage.type", KEYS_WORD, storage, .default_int = CONFIG_STORAGE_FILE, .words = storages,
        .doc = "memory forgets everything when the server stops"),
    KEY("storage.dir", KEYS_STRING, storage_dir, .default_text = ".dgate/data", .max = PATH_BYTES,
        .check = text_checks_dir,
        .doc =
            "directory of type file, made when it is missing; relative to the working directory"),

    MAP("proxy", "the listener for clients"),
    KEY("proxy.host", KEYS_STRING, proxy.host, .default_text = "0.0.0.0", .max = MODEL_NAME_MAX,
        .check = address_check_host, .doc = "IP address to listen on"),
    KEY("proxy.port", KEYS_INT, proxy.port, .default_int = 80, .max = UINT16_MAX,
        .doc = "port; 0: any free one"),
    KEY("proxy.proxy_protocol", KEYS_WORD, proxy.proxy_protocol,
        .default_int = CONFIG_PROXY_PROTOCOL_OFF, .words = proxy_protocols,
        .doc = "on: every connection must begin with a PROXY header (version 1 or 2), whose source "
               "address is the client's"),
    KEY("proxy.console_log_level", KEYS_WORD, proxy.console_log_level,
        .default_int = KEYS_AS_LOG_LEVEL, .words = log_levels,
        .doc = "least level of modules' console that is logged"),
    KEY("proxy.module_env", KEYS_STRINGS, proxy.module_env, .max = MODEL_NAME_MAX,
        .check = text_checks_variable,
        .doc = "names of the environment variables that modules see in process.env; empty: none"),
    KEY("proxy.access_log", KEYS_WORD, proxy.access_log, .default_int = CONFIG_ACCESS_LOG_OFF,
        .words = access_logs, .doc = "one line per request, at its end"),
    KEY("proxy.access_log_file", KEYS_STRING, proxy.access_log_file, .max = PATH_BYTES,
        .doc = "file that the lines are appended to, relative to the working directory; empty: "
               "standard output"),
    KEY("proxy.global_headers", KEYS_PAIRS, proxy.global_headers,
        .doc = "header fields added to responses that come from a service"),
    KEY("proxy.disable_x_forwarded_headers", KEYS_BOOL, proxy.disable_x_forwarded_headers,
        .doc = "send upstreams no X-Forwarded-* and X-Real-IP"),
    KEY("proxy.allow_list", KEYS_STRINGS, proxy.allow_list, .max = MODEL_NAME_MAX,
        .check = address_check_block,
        .doc = "IP addresses and CIDR blocks of clients that are served, others get 403; empty: "
               "all"),
    KEY("proxy.allowed_domains", KEYS_STRINGS, proxy.allowed_domains, .max = PATTERN_BYTES,
        .check = text_checks_host_pattern,
        .doc = "patterns of hosts that are served, as in domains, others get 403; empty: all"),
    KEY("proxy.redirect_https", KEYS_STRINGS, proxy.redirect_https, .max = PATTERN_BYTES,
        .check = text_checks_host_pattern,
        .doc = "patterns of hosts whose plain requests are redirected to https (307)"),
    KEY("proxy.strict_mode", KEYS_BOOL, proxy.strict_mode,
        .doc = "close the connection of a request whose host no namespace serves, instead of "
               "answering 404"),
    KEY("proxy.x_forwarded_for_depth", KEYS_INT, proxy.x_forwarded_for_depth, .max = 100,
        .doc = "trusted proxies in front of the gateway: the client is that entry of "
               "X-Forwarded-For, counted from the end; 0: the peer"),
    KEY("proxy.merge_slashes", KEYS_BOOL, proxy.merge_slashes,
        .doc = "take runs of / in a request's path as one"),
    MAP("proxy.rate_limit", "limit of the requests of each client address; others get 429"),
    KEY("proxy.rate_limit.requests", KEYS_INT, proxy.rate_limit.requests, .max = RATE_REQUESTS_MAX,
        .doc = "requests per period; 0: no limit"),
    KEY("proxy.rate_limit.period", KEYS_MS, proxy.rate_limit.period_ms, .default_int = SECOND,
        .min = SECOND, .max = 24 * HOUR, .doc = "time that requests is for"),
    KEY("proxy.rate_limit.burst", KEYS_INT, proxy.rate_limit.burst, .max = RATE_REQUESTS_MAX,
        .doc = "requests that may come at once after a pause; 0: as many as requests"),
    KEY("proxy.max_connections_per_client", KEYS_INT, proxy.max_connections_per_client, .max = MIB,
        .doc = "open connections of one client address; 0: no limit"),
    KEY("proxy.max_requests_per_client", KEYS_INT, proxy.max_requests_per_client, .max = MIB,
        .doc = "requests of one client address at the same time; 0: no limit"),
    {.path = "proxy.init_resources",
     .type = KEYS_RESOURCES,
     .offset = offsetof(struct config, init_resources),
     .doc = "resources that the file brings along: see below"},
    REFUSED("proxy.tls", tls_later, "TLS listener"),
    REFUSED("proxy.enable_h2c", http2_later, "HTTP/2 without TLS"),
    REFUSED("proxy.enable_http2", http2_later, "HTTP/2"),
    MAP("proxy.client_transport", "the client towards upstreams; see also limits.*"),
    KEY("proxy.client_transport.disable_private_ips", KEYS_BOOL, proxy.disable_private_ips,
        .doc = "connect to no upstream, and let modules fetch from none, whose address is private, "
               "loopback, link-local or otherwise not of the public internet: 502"),
    {.path = "proxy.client_transport.dns_prefer_go",
     .type = KEYS_IGNORED,
     .doc = "accepted; names are always resolved by the server itself"},
    {.path = "proxy.client_transport.disable_compression",
     .type = KEYS_IGNORED,
     .doc = "accepted; bodies are always passed on as they are"},
    TRANSPORT("dns_server", "address of the DNS server"),
    TRANSPORT("dns_timeout", "limit of a DNS question"),
    TRANSPORT("dns_timeout_ms", "limit of a DNS question"),
    TRANSPORT("max_idle_conns", "idle connections"),
    TRANSPORT("max_idle_conns_per_host", "idle connections per host"),
    TRANSPORT("max_conns_per_host", "connections per host"),
    TRANSPORT("idle_conn_timeout", "life of an idle connection"),
    TRANSPORT("idle_conn_timeout_ms", "life of an idle connection"),
    TRANSPORT("force_attempt_http2", "HTTP/2 to upstreams"),
    TRANSPORT("tls_handshake_timeout", "limit of a TLS handshake"),
    TRANSPORT("expect_continue_timeout", "how long 100 (Continue) is waited for"),
    TRANSPORT("max_response_header_bytes", "header of a response"),
    TRANSPORT("write_buffer_size", "buffer for writing"),
    TRANSPORT("read_buffer_size", "buffer for reading"),
    TRANSPORT("max_body_bytes", "body of a response"),
    TRANSPORT("disable_keep_alives", "one request per connection"),
    TRANSPORT("keep_alive", "period of TCP keep-alive"),
    TRANSPORT("response_header_timeout", "limit until the response head"),
    TRANSPORT("dial_timeout", "limit for connecting"),

    MAP("admin", "the admin API"),
    KEY("admin.enabled", KEYS_BOOL, admin.enabled, .default_int = 1,
        .doc = "false: no admin API listens"),
    KEY("admin.host", KEYS_STRING, admin.host, .default_text = "127.0.0.1", .max = MODEL_NAME_MAX,
        .check = address_check_host,
        .doc = "IP address to listen on; one that other machines reach needs auth_method or "
               "allow_list"),
    KEY("admin.port", KEYS_INT, admin.port, .default_int = 9080, .max = UINT16_MAX,
        .doc = "port; 0: any free one"),
    KEY("admin.allow_list", KEYS_STRINGS, admin.allow_list, .max = MODEL_NAME_MAX,
        .check = address_check_block,
        .doc = "IP addresses and CIDR blocks that may connect; empty: all"),
    KEY("admin.x_forwarded_for_depth", KEYS_INT, admin.x_forwarded_for_depth, .default_int = -1,
        .min = -1, .max = 100,
        .doc = "entry of X-Forwarded-For, from the end, that allow_list is asked about; 0 or less: "
               "the peer's address"),
    KEY("admin.auth_method", KEYS_WORD, admin.auth, .default_int = CONFIG_AUTH_NONE, .words = auths,
        .doc = "how callers prove who they are"),
    MAP("admin.basic_auth", "for auth_method basic"),
    KEY("admin.basic_auth.users", KEYS_USERS, admin.users,
        .doc = "list of maps with username and password"),
    MAP("admin.key_auth", "for auth_method key"),
    KEY("admin.key_auth.keys", KEYS_STRINGS, admin.keys, .max = SECRET_BYTES,
        .check = text_checks_credential, .doc = "accepted keys"),
    KEY("admin.key_auth.header_name", KEYS_STRING, admin.key_header, .max = MODEL_NAME_MAX,
        .check = text_checks_header_name,
        .doc = "header field that carries the key; X-DGate-Key when neither name is set"),
    KEY("admin.key_auth.query_param_name", KEYS_STRING, admin.key_query, .max = MODEL_NAME_MAX,
        .check = text_checks_tag, .doc = "query parameter that carries the key, instead"),
    REFUSED("admin.key_auth.key", "list the keys under admin.key_auth.keys",
            "DGate 1's unused key"),
    REFUSED("admin.jwt_auth", "JWT authentication is not part of this version; remove the key",
            "JWT authentication"),
    REFUSED("admin.tls", tls_later, "TLS listener"),
    REFUSED("admin.watch_only", cluster_later, "a node that does not vote"),
    REFUSED("admin.replication", cluster_later, "DGate 1's cluster"),

    {.path = "test_server",
     .type = KEYS_MAP,
     .offset = offsetof(struct config, test_server.enabled),
     .doc = "a server that answers with what it was sent; it runs when this map is there"},
    KEY("test_server.host", KEYS_STRING, test_server.host, .default_text = "127.0.0.1",
        .max = MODEL_NAME_MAX, .check = address_check_host, .doc = "IP address to listen on"),
    KEY("test_server.port", KEYS_INT, test_server.port, .default_int = 8888, .max = UINT16_MAX,
        .doc = "port; 0: any free one"),
    KEY("test_server.enable_env_vars", KEYS_BOOL, test_server.enable_env_vars,
        .doc = "show the server's environment in every answer"),
    KEY("test_server.global_headers", KEYS_PAIRS, test_server.global_headers,
        .doc = "header fields of every answer"),
    REFUSED("test_server.enable_h2c", http2_later, "HTTP/2 without TLS"),
    REFUSED("test_server.enable_http2", http2_later, "HTTP/2"),

    REFUSED("cluster", cluster_later, "DGate 2's cluster"),

    MAP("limits", "bounds of everything; sizes in bytes unless the name says otherwise"),
    NUMBER(request_line_max, 16 * KIB, 256, MIB, "request line"),
    NUMBER(header_max, 64 * KIB, KIB, MIB, "header fields of a request or response together"),
    NUMBER(header_fields_max, 100, 10, 10000, "number of header fields"),
    NUMBER(trailer_max, 16 * KIB, 0, MIB, "trailer fields together"),
    TIME(header_timeout_ms, 10 * SECOND, 100, HOUR, "until a request's header is complete"),
    TIME(client_idle_timeout_ms, 75 * SECOND, 100, HOUR, "a client connection without a request"),
    NUMBER(request_body_max, 0, 0, INT64_C(1) << 50,
           "body of a request, where neither route nor service has a maxRequestBody; 0: any"),
    NUMBER(request_body_rate_min, 100, 0, 1000 * 1000 * 1000,
           "bytes a second of a request's body that a client sends at least, on average; it may be "
           "late by client_idle_timeout_ms; 0: no such limit"),
    TIME(upstream_idle_timeout_ms, MINUTE, 100, HOUR,
         "between two reads of an upstream's response"),
    TIME(upstream_keepalive_ms, 30 * SECOND, 0, HOUR, "an upstream connection without a request"),
    TIME(connect_timeout_ms, 5 * SECOND, 1, HOUR, "services without a connectTimeout"),
    TIME(request_timeout_ms, MINUTE, 1, 24 * HOUR, "services without a requestTimeout"),
    NUMBER(upstream_connections, 256, 1, 65536, "connections per upstream address and worker"),
    NUMBER(upstream_queue, 1024, 0, MIB, "requests that wait for such a connection"),
    NUMBER(client_connections, 16384, 1, MIB, "client connections per worker"),
    NUMBER(exchange_buffer, 64 * KIB, 4 * KIB, 16 * MIB, "buffered body per request, each way"),
    NUMBER(request_memory, MIB, 64 * KIB, 256 * MIB, "memory of one request beside its body"),
    NUMBER(access_log_buffer, MIB, 16 * KIB, 256 * MIB,
           "lines of the access log that wait to be written, per worker; others are dropped"),
    NUMBER(accept_burst, 64, 1, 4096, "connections accepted in one turn"),
    NUMBER(admin_body_max, 16 * MIB, KIB, 256 * MIB, "body of an admin request"),
    NUMBER(document_max, MIB, 64, MIB, "a document"),
    NUMBER(module_body_max, 8 * MIB, 0, 256 * MIB, "body that is collected for a module"),
    NUMBER(
        module_request_memory, 8 * MIB, 64 * KIB, 256 * MIB,
        "what modules add to a request and its response, bodies apart: header fields, path, query; "
        "what they overwrite counts too"),
    TIME(module_cpu_ms, 100, 1, HOUR, "processor time of one call of a module"),
    TIME(module_wall_ms, 30 * SECOND, 1, HOUR,
         "duration of one call of a module, waiting included"),
    TIME(module_idle_ms, 60 * SECOND, 1, HOUR,
         "until a module gives the next piece of a body that it streams"),
    NUMBER(module_heap_mb, 256, 16, 65536, "memory of a worker's modules, in MiB"),
    NUMBER(module_fetches, 32, 0, 10000, "fetches per request"),
    NUMBER(fetch_connections, 64, 1, 65536,
           "connections of modules' fetches per host and worker; upstream_keepalive_ms holds for "
           "them too"),
    NUMBER(fetch_queue, 1024, 0, MIB, "fetches that wait for such a connection"),
    NUMBER(fetch_idle_connections, 64, 1, 65536,
           "such connections without a request, of all hosts, per worker"),
    TIME(fetch_connect_timeout_ms, 10 * SECOND, 1, HOUR,
         "until a fetch has a connection: name, waiting and connecting"),
    TIME(fetch_idle_timeout_ms, 30 * SECOND, 100, HOUR,
         "from there until the response's header, and between two reads of its body"),
    NUMBER(fetch_header_max, 64 * KIB, KIB, MIB, "header fields of a fetch's response together"),
    NUMBER(module_timers, 100, 0, 10000, "timers of a request at once"),
    NUMBER(module_log_lines, 1000, 0, MIB, "lines that modules log per second and worker"),
    NUMBER(module_log_rate, 100, 1, 1000 * 1000,
           "lines that a module logs per second and worker; five times as many after a pause"),
    NUMBER(module_raise_max, 10, 1, 1000,
           "how many times these limits a module's own limits may be; 1: it can only lower them"),
    NUMBER(module_kills_max, 3, 0, 1000,
           "workers that the modules of a route cost before they are switched off; 0: never"),
    TIME(module_kills_window_ms, 10 * MINUTE, SECOND, 24 * HOUR, "time that those are counted in"),
    NUMBER(module_stops_max, 100, 0, 1000 * 1000,
           "calls that limits of processor time or memory end in one worker before the modules of "
           "the route are switched off, if at least half of all calls end so; 0: never"),
    TIME(module_stops_window_ms, MINUTE, SECOND, 24 * HOUR, "time that those are counted in"),
    NUMBER(module_source_max, MODEL_SOURCE_MAX, KIB, MODEL_SOURCE_MAX, "source of a module"),
    NUMBER(module_compiled_max, MIB, KIB, MIB, "compiled form of a module"),
    TIME(compile_timeout_ms, 10 * SECOND, 100, HOUR, "compiling a module"),
    TIME(compiler_idle_ms, MINUTE, 0, HOUR, "the compiler process without work"),
    NUMBER(compiler_memory_mb, 512, 64, 65536, "memory of the compiler process, in MiB"),
    NUMBER(changes_pending, 1024, 1, MIB, "changes that wait at once"),
    NUMBER(change_log_keep, 1000, 1, 1000 * 1000, "entries kept in the change log"),
    NUMBER(store_map_mb, 16384, 16, MIB,
           "address space of the store, in MiB: it never grows past it"),
    NUMBER(retries_max, 3, 0, 100, "additional attempts, whatever a service asks for"),
    TIME(shutdown_grace_ms, 10 * SECOND, 0, HOUR, "for requests in flight when the server stops"),
    TIME(replace_grace_ms, 30 * SECOND, 0, 24 * HOUR,
         "for connections of a worker that a reload or an upgrade replaced"),
    TIME(confirm_timeout_ms, 250, 10, MINUTE,
         "for a worker to confirm a change before it stops accepting"),
    TIME(hang_cpu_ms, 1500, 100, HOUR,
         "processor time without a heartbeat before a worker is replaced"),
    NUMBER(schema_max, 64 * KIB, 64, 512 * KIB, "JSON Schema of a collection"),
    TIME(validate_timeout_ms, 5 * SECOND, 100, HOUR,
         "validating the documents of one change against a JSON Schema"),
    NUMBER(cache_bytes, 16 * MIB, 64 * KIB, 1024 * MIB,
           "memory of `setCache()`, shared by all workers"),
    NUMBER(cache_value_max, 64 * KIB, 1, 16 * MIB, "value in the cache, as JSON"),
    NUMBER(storage_value_max, 128 * KIB, 1, 512 * KIB, "value in the replicated store, as JSON"),
    NUMBER(storage_entries, 100 * 1000, 1, 100 * 1000 * 1000,
           "entries of a namespace in the replicated store"),
    NUMBER(storage_bytes, 64 * MIB, KIB, 1024 * MIB,
           "keys and values of a namespace in the replicated store"),
    NUMBER(node_rate_buckets, 64 * KIB, KIB, 16 * MIB,
           "token buckets of rate limits that are kept; past it those that are nearest to full are "
           "forgotten"),
    NUMBER(node_counts, 16 * KIB, KIB, 16 * MIB,
           "clients, routes and upstreams whose connections and requests are counted at once; what "
           "does not fit is not limited"),
    NUMBER(node_upstreams, 4 * KIB, 64, MIB,
           "upstreams whose health is remembered; others count as healthy"),
    NUMBER(node_switches, 256, 64, MIB,
           "routes whose modules cost workers or are switched off, that are remembered"),
    NUMBER(health_checks, 64, 1, 4096, "active health checks that are in flight at once"),
};

const size_t keys_count = ARRAY_LEN(keys_all);

const struct keys_key *keys_find(struct str path)
{
    for (size_t i = 0; i < keys_count; i++) {
        if (str_eq(path, str_of(keys_all[i].path)))
            return &keys_all[i];
    }
    return NULL;
}

const char *keys_last_name(const char *path)
{
    const char *point = strrchr(path, '.');
    return point == NULL ? path : point + 1;
}

const char *keys_word_text(const struct keys_key *k, unsigned value)
{
    for (const struct keys_word *w = k->words; w->text != NULL; w++) {
        if (w->value == value)
            return w->text;
    }
    return "";
}
