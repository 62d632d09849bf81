#include "model/fields.h"

#include <assert.h>

#include "base/container.h"
#include "model/checks.h"
#include "model/rate.h"

#define AT(member) .offset = offsetof(struct model_resource, member)

#define MS_NS   1000000
#define DAY_NS  86400000000000
#define HOUR_NS (DAY_NS / 24)

enum { TEXT_MAX = 2048, SECRET_MAX = 65536 };

static const struct fields_word module_types[] = {
    {"typescript", MODEL_MODULE_TYPESCRIPT},
    {"javascript", MODEL_MODULE_JAVASCRIPT},
    {"ts", MODEL_MODULE_TYPESCRIPT},
    {"js", MODEL_MODULE_JAVASCRIPT},
    {NULL, 0},
};

static const struct fields_word module_apis[] = {
    {"auto", MODEL_MODULE_API_AUTO},
    {"dgate1", MODEL_MODULE_API_DGATE1},
    {"dgate2", MODEL_MODULE_API_DGATE2},
    {NULL, 0},
};

static const struct fields_word visibilities[] = {
    {"public", MODEL_VISIBILITY_PUBLIC},
    {"private", MODEL_VISIBILITY_PRIVATE},
    {NULL, 0},
};

static const struct fields_word balances[] = {
    {"round_robin", MODEL_BALANCE_ROUND_ROBIN},
    {"least_conn", MODEL_BALANCE_LEAST_CONN},
    {"hash", MODEL_BALANCE_HASH},
    {NULL, 0},
};

static const struct fields_word collection_types[] = {{"document", 0}, {NULL, 0}};

#define NAME_FIELD(member, what)                                                                   \
    {                                                                                              \
        .name = "name", .type = FIELDS_STRING, .flags = FIELDS_REQUIRED, AT(member),               \
        .max = MODEL_NAME_MAX, .check = checks_name, .doc = "name of the " what                    \
    }
#define NS_FIELD(member) NS_ALIAS_FIELD(member, NULL)
#define NS_ALIAS_FIELD(member, in_config)                                                          \
    {                                                                                              \
        .name = "namespace", .config_alias = (in_config), .type = FIELDS_STRING,                   \
        .flags = FIELDS_REQUIRED | FIELDS_NS, AT(member), .max = MODEL_NAME_MAX,                   \
        .check = checks_name, .doc = "namespace it belongs to"                                     \
    }
#define TAGS_FIELD(member)                                                                         \
    {                                                                                              \
        .name = "tags", .type = FIELDS_STRINGS, .output = FIELDS_OMIT_EMPTY,                       \
        .flags = FIELDS_UNIQUE, AT(member), .max = MODEL_NAME_MAX, .check = checks_name,           \
        .doc = "free labels"                                                                       \
    }
#define TIME_FIELD(field, snake, member, text)                                                     \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_STRING, .output = FIELDS_OMIT_EMPTY,     \
        .flags = FIELDS_SERVER_SET, AT(member), .max = MODEL_NAME_MAX, .doc = (text)               \
    }
#define BOOL_FIELD(field, snake, member, ...)                                                      \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_BOOL, AT(member), __VA_ARGS__            \
    }
#define BODY_MAX_FIELD(member, text)                                                               \
    {                                                                                              \
        .name = "maxRequestBody", .alias = "max_request_body", .type = FIELDS_INT,                 \
        .output = FIELDS_OMIT_EMPTY, AT(member), .max = INT64_C(1) << 50, .doc = (text)            \
    }
#define DURATION_FIELD(field, snake, member, text)                                                 \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_DURATION, AT(member), .max = DAY_NS,     \
        .doc = (text)                                                                              \
    }
/* Of a service; written only when it differs from its default. */
#define TUNING_INT_FIELD(field, snake, member, low, high, preset, text)                            \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_INT, .output = FIELDS_OMIT_EMPTY,        \
        AT(member), .min = (low), .max = (high), .default_int = (preset), .doc = (text)            \
    }
#define TUNING_DURATION_FIELD(field, snake, member, low, preset, text)                             \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_DURATION, .output = FIELDS_OMIT_EMPTY,   \
        AT(member), .min = (low), .max = DAY_NS, .default_int = (preset), .doc = (text)            \
    }
#define TUNING_INTS_FIELD(field, snake, member, low, high, text)                                   \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_INTS, .output = FIELDS_OMIT_EMPTY,       \
        AT(member), .min = (low), .max = (high), .doc = (text)                                     \
    }
/* Of a module; 0 and left out when the server's is used. */
#define MODULE_LIMIT_FIELD(field, snake, member, kind, high, text)                                 \
    {                                                                                              \
        .name = "limits." field, .alias = (snake), .type = (kind), .output = FIELDS_OMIT_EMPTY,    \
        AT(module.limits.member), .max = (high), .doc = (text)                                     \
    }
#define CONFIG_FILE_FIELD(field, snake, reason)                                                    \
    {                                                                                              \
        .name = (field), .alias = (snake), .type = FIELDS_REFUSED, .output = FIELDS_INPUT_ONLY,    \
        .flags = FIELDS_CONFIG_ONLY, .later = (reason), .doc = "path of a PEM file"                \
    }

static const char tls_later[] = "TLS certificates come with a later version; remove the field";

static const struct fields_field namespace_fields[] = {
    NAME_FIELD(namespace.name, "namespace"),
    TAGS_FIELD(namespace.tags),
};

static const struct fields_field domain_fields[] = {
    NAME_FIELD(domain.name, "domain"),
    NS_FIELD(domain.ns),
    {.name = "patterns",
     .type = FIELDS_STRINGS,
     .flags = FIELDS_REQUIRED | FIELDS_UNIQUE,
     AT(domain.patterns),
     .max = TEXT_MAX,
     .check = checks_domain_pattern,
     .doc = "hosts that lead to the namespace: exact, *x, x*, *x* or /regex/"},
    {.name = "priority",
     .type = FIELDS_INT,
     AT(domain.priority),
     .min = INT32_MIN,
     .max = INT32_MAX,
     .doc = "of several domains that match, the highest wins"},
    {.name = "cert",
     .type = FIELDS_STRING,
     AT(domain.cert),
     .max = SECRET_MAX,
     .later = tls_later,
     .doc = "PEM certificate chain"},
    {.name = "key",
     .type = FIELDS_STRING,
     .output = FIELDS_REDACTED,
     AT(domain.key),
     .max = SECRET_MAX,
     .later = tls_later,
     .doc = "PEM private key"},
    CONFIG_FILE_FIELD("certFile", "cert_file", tls_later),
    CONFIG_FILE_FIELD("keyFile", "key_file", tls_later),
    TAGS_FIELD(domain.tags),
};

static const struct fields_field service_fields[] = {
    NAME_FIELD(service.name, "service"),
    {.name = "urls",
     .type = FIELDS_STRINGS,
     .flags = FIELDS_REQUIRED,
     AT(service.urls),
     .max = TEXT_MAX,
     .check = checks_upstream_url,
     .doc =
         "upstreams; a path is put before the request's; one given twice is used twice as often"},
    NS_FIELD(service.ns),
    {.name = "balance",
     .type = FIELDS_ENUM,
     .output = FIELDS_OMIT_EMPTY,
     AT(service.balance),
     .default_int = MODEL_BALANCE_ROUND_ROBIN,
     .words = balances,
     .doc =
         "how a request's URL is chosen: in turn, the one with the fewest requests in flight, or "
         "by hashOn"},
    {.name = "hashOn",
     .alias = "hash_on",
     .type = FIELDS_STRING,
     .output = FIELDS_OMIT_EMPTY,
     AT(service.hash_on),
     .max = TEXT_MAX,
     .check = checks_hash_on,
     .doc = "what requests have in common that go to the same URL: ip, path, header:NAME or "
            "cookie:NAME; with balance hash; empty: ip"},
    TUNING_INTS_FIELD("weights", NULL, service.weights, 1, 1000,
                      "share of each URL, in the order of urls; empty: all the same"),
    TUNING_INT_FIELD("maxFails", "max_fails", service.max_fails, 0, 1000, 3,
                     "failures in a row after which a URL gets no requests; 0: never"),
    TUNING_DURATION_FIELD("failTimeout", "fail_timeout_ms", service.fail_timeout_ns, MS_NS,
                          10000 * (int64_t)MS_NS,
                          "for how long; then one request at a time tries it"),
    TUNING_INTS_FIELD("failStatuses", "fail_statuses", service.fail_statuses, 400, 599,
                      "statuses of responses that count as failures"),
    {.name = "healthPath",
     .alias = "health_path",
     .type = FIELDS_STRING,
     .output = FIELDS_OMIT_EMPTY,
     AT(service.health_path),
     .max = TEXT_MAX,
     .check = checks_health_path,
     .doc = "path that is asked for on every URL to see whether it is up; empty: no checks"},
    TUNING_DURATION_FIELD("healthInterval", "health_interval_ms", service.health_interval_ns,
                          10 * (int64_t)MS_NS, 5000 * (int64_t)MS_NS, "pause between two checks"),
    TUNING_DURATION_FIELD("healthTimeout", "health_timeout_ms", service.health_timeout_ns,
                          10 * (int64_t)MS_NS, 2000 * (int64_t)MS_NS, "limit of one check"),
    TUNING_INT_FIELD("healthyThreshold", "healthy_threshold", service.healthy_threshold, 1, 100, 2,
                     "checks in a row that must succeed before a URL that was down is up"),
    TUNING_INT_FIELD("unhealthyThreshold", "unhealthy_threshold", service.unhealthy_threshold, 1,
                     100, 3, "checks in a row that must fail before a URL is down"),
    TUNING_INTS_FIELD("healthStatuses", "health_statuses", service.health_statuses, 100, 599,
                      "statuses that are a success of a check; empty: 200 to 399"),
    {.name = "retries",
     .type = FIELDS_INT,
     AT(service.retries),
     .default_int = 3,
     .max = 100,
     .doc = "additional attempts"},
    DURATION_FIELD("retryTimeout", "retry_timeout_ms", service.retry_timeout_ns,
                   "pause before each additional attempt"),
    DURATION_FIELD("connectTimeout", "connect_timeout_ms", service.connect_timeout_ns,
                   "limit for connecting; 0: limits.connect_timeout_ms"),
    DURATION_FIELD("requestTimeout", "request_timeout_ms", service.request_timeout_ns,
                   "limit until the response head; 0: limits.request_timeout_ms"),
    TUNING_DURATION_FIELD("totalTimeout", "total_timeout_ms", service.total_timeout_ns, 0, 0,
                          "limit of the whole request, retries and response included; 0: none"),
    TUNING_DURATION_FIELD("idleTimeout", "idle_timeout_ms", service.idle_timeout_ns, 0, 0,
                          "limit between bytes of the response; 0: "
                          "limits.upstream_idle_timeout_ms"),
    BOOL_FIELD("tlsSkipVerify", "tls_skip_verify", service.tls_skip_verify,
               .later = "TLS to upstreams comes with a later version; remove the field",
               .doc = "do not check the upstream's certificate"),
    BOOL_FIELD("http2Only", "http2_only", service.http2_only,
               .later = "HTTP/2 to upstreams comes with a later version; remove the field",
               .doc = "speak HTTP/2 to the upstream"),
    BOOL_FIELD("hideDGateHeaders", "hide_dgate_headers", service.hide_dgate_headers,
               .doc = "send the upstream no X-DGate headers"),
    BOOL_FIELD("disableQueryParams", "disable_query_params", service.disable_query_params,
               .doc = "send the upstream no query"),
    BODY_MAX_FIELD(service.max_request_body,
                   "bytes of a request's body, 413 past them; 0: limits.request_body_max"),
    TAGS_FIELD(service.tags),
};

static const struct fields_field route_fields[] = {
    NAME_FIELD(route.name, "route"),
    {.name = "paths",
     .type = FIELDS_STRINGS,
     .flags = FIELDS_REQUIRED | FIELDS_UNIQUE,
     AT(route.paths),
     .max = TEXT_MAX,
     .check = checks_route_path,
     .doc = "path patterns: /literal, {name}, {name:regex}, a trailing * or **"},
    {.name = "methods",
     .type = FIELDS_STRINGS,
     .flags = FIELDS_REQUIRED | FIELDS_UNIQUE | FIELDS_UPPER,
     AT(route.methods),
     .max = MODEL_NAME_MAX,
     .alone = "*",
     .check = checks_method,
     .doc = "HTTP methods, or \"*\" alone for all"},
    BOOL_FIELD("preserveHost", "preserve_host", route.preserve_host,
               .doc = "send the upstream the client's Host"),
    BOOL_FIELD("stripPath", "strip_path", route.strip_path,
               .doc = "cut the part of the path that the pattern matched literally"),
    {.name = "service",
     .type = FIELDS_STRING,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.service),
     .max = MODEL_NAME_MAX,
     .check = checks_name,
     .doc = "service of the same namespace; without one a module answers"},
    NS_FIELD(route.ns),
    {.name = "modules",
     .type = FIELDS_STRINGS,
     .output = FIELDS_OMIT_EMPTY,
     .flags = FIELDS_UNIQUE,
     AT(route.modules),
     .max = MODEL_NAME_MAX,
     .check = checks_name,
     .doc = "modules of the same namespace, in the order in which they run"},
    {.name = "rateLimit",
     .alias = "rate_limit",
     .type = FIELDS_INT,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.rate_limit),
     .max = RATE_REQUESTS_MAX,
     .doc = "requests per ratePeriod; 0: no limit"},
    {.name = "ratePeriod",
     .alias = "rate_period_ms",
     .type = FIELDS_DURATION,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.rate_period_ns),
     .default_int = MODEL_RATE_PERIOD_NS,
     .min = MODEL_RATE_PERIOD_NS,
     .max = DAY_NS,
     .doc = "time that rateLimit is for"},
    {.name = "rateBurst",
     .alias = "rate_burst",
     .type = FIELDS_INT,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.rate_burst),
     .max = RATE_REQUESTS_MAX,
     .doc = "requests that may come at once after a pause; 0: rateLimit"},
    {.name = "maxConcurrent",
     .alias = "max_concurrent",
     .type = FIELDS_INT,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.max_concurrent),
     .max = RATE_REQUESTS_MAX,
     .doc = "requests at the same time; 0: no limit"},
    {.name = "limitBy",
     .alias = "limit_by",
     .type = FIELDS_STRING,
     .output = FIELDS_OMIT_EMPTY,
     AT(route.limit_by),
     .max = MODEL_NAME_MAX,
     .check = checks_limit_by,
     .doc = "what has these limits each: client (the default), route or header:NAME"},
    BODY_MAX_FIELD(route.max_request_body,
                   "bytes of a request's body, 413 past them; 0: the service's"),
    TAGS_FIELD(route.tags),
};

static const struct fields_field module_fields[] = {
    NAME_FIELD(module.name, "module"),
    NS_FIELD(module.ns),
    {.name = "payload",
     .type = FIELDS_SOURCE,
     .flags = FIELDS_REQUIRED,
     AT(module.payload),
     .max = MODEL_SOURCE_MAX,
     .doc = "the source in base64; payloadRaw takes it as it is"},
    {.name = "payloadRaw",
     .alias = "payload_raw",
     .type = FIELDS_RAW_SOURCE,
     .output = FIELDS_INPUT_ONLY,
     AT(module.payload),
     .max = MODEL_SOURCE_MAX,
     .doc = "the source as it is, instead of payload"},
    {.name = "payloadFile",
     .alias = "payload_file",
     .type = FIELDS_REFUSED,
     .output = FIELDS_INPUT_ONLY,
     .later = "only a configuration file can name a source file; give payload or payloadRaw",
     .doc = "in a configuration file: a path relative to it, instead of payload"},
    {.name = "moduleType",
     .alias = "module_type",
     .type = FIELDS_ENUM,
     AT(module.type),
     .default_int = MODEL_MODULE_TYPESCRIPT,
     .words = module_types,
     .doc = "language of the source"},
    {.name = "moduleApi",
     .alias = "module_api",
     .type = FIELDS_ENUM,
     .output = FIELDS_OMIT_EMPTY,
     AT(module.api),
     .default_int = MODEL_MODULE_API_AUTO,
     .words = module_apis,
     .doc = "whose ctx the functions get; auto: as the source looks"},
    MODULE_LIMIT_FIELD("cpu", "limits.cpu_ms", cpu_ns, FIELDS_DURATION, HOUR_NS,
                       "processor time of one call; 0: limits.module_cpu_ms"),
    MODULE_LIMIT_FIELD("wall", "limits.wall_ms", wall_ns, FIELDS_DURATION, HOUR_NS,
                       "duration of one call, waiting included; 0: limits.module_wall_ms"),
    MODULE_LIMIT_FIELD("body", NULL, body, FIELDS_INT, (int64_t)256 * 1024 * 1024,
                       "bytes of a body that is read or written; 0: limits.module_body_max"),
    MODULE_LIMIT_FIELD("fetches", NULL, fetches, FIELDS_INT, 10000,
                       "fetches per request; 0: limits.module_fetches"),
    MODULE_LIMIT_FIELD("timers", NULL, timers, FIELDS_INT, 10000,
                       "timers at once per request; 0: limits.module_timers"),
    MODULE_LIMIT_FIELD("logRate", "limits.log_rate", log_rate, FIELDS_INT, 1000 * 1000,
                       "lines logged a second; 0: limits.module_log_rate"),
    {.name = "compiled",
     .type = FIELDS_JSON,
     .output = FIELDS_INTERNAL,
     AT(module.compiled),
     .doc = "what the compiler made of the source"},
    TAGS_FIELD(module.tags),
};

static const struct fields_field collection_fields[] = {
    NAME_FIELD(collection.name, "collection"),
    NS_FIELD(collection.ns),
    {.name = "schema",
     .type = FIELDS_JSON,
     AT(collection.schema),
     .doc = "JSON Schema of the documents, or null"},
    {.name = "visibility",
     .type = FIELDS_ENUM,
     AT(collection.visibility),
     .default_int = MODEL_VISIBILITY_PUBLIC,
     .words = visibilities,
     .doc = "whether the API and other namespaces may read the documents"},
    {.name = "type",
     .type = FIELDS_ENUM,
     AT(collection.type),
     .words = collection_types,
     .doc = "what the collection holds"},
    TAGS_FIELD(collection.tags),
};

static const struct fields_field document_fields[] = {
    {.name = "id",
     .type = FIELDS_STRING,
     .flags = FIELDS_REQUIRED,
     AT(document.id),
     .max = MODEL_DOCUMENT_ID_MAX,
     .check = checks_document_id,
     .doc = "identity within the collection"},
    TIME_FIELD("createdAt", "created_at", document.created_at,
               "when it was created; set by the server, input is not used"),
    TIME_FIELD("updatedAt", "updated_at", document.updated_at,
               "when it was last written; set by the server, input is not used"),
    NS_ALIAS_FIELD(document.ns, "NamespaceName"),
    {.name = "collection",
     .config_alias = "CollectionName",
     .type = FIELDS_STRING,
     .flags = FIELDS_REQUIRED,
     AT(document.collection),
     .max = MODEL_NAME_MAX,
     .check = checks_name,
     .doc = "collection it belongs to"},
    {.name = "data",
     .type = FIELDS_JSON,
     .flags = FIELDS_REQUIRED,
     AT(document.data),
     .doc = "any JSON value"},
};

static const struct fields_field secret_fields[] = {
    NAME_FIELD(secret.name, "secret"),
    NS_ALIAS_FIELD(secret.ns, "NamespaceName"),
    {.name = "data",
     .type = FIELDS_STRING,
     .output = FIELDS_REDACTED,
     .flags = FIELDS_REQUIRED,
     AT(secret.data),
     .max = SECRET_MAX,
     .check = checks_secret,
     .doc = "the secret text; never shown again"},
    TIME_FIELD("createdAt", "created_at", secret.created_at,
               "when it was created; set by the server, input is not used"),
    TIME_FIELD("updatedAt", "updated_at", secret.updated_at,
               "when it was last written; set by the server, input is not used"),
    TAGS_FIELD(secret.tags),
};

#define TABLE(kind, fields) [kind] = {(fields), ARRAY_LEN(fields)}

static_assert(ARRAY_LEN(service_fields) <= FIELDS_COUNT_MAX, "the longest table must fit");

static const struct fields_table tables[MODEL_KIND_COUNT] = {
    TABLE(MODEL_NAMESPACE, namespace_fields), TABLE(MODEL_DOMAIN, domain_fields),
    TABLE(MODEL_SERVICE, service_fields),     TABLE(MODEL_ROUTE, route_fields),
    TABLE(MODEL_MODULE, module_fields),       TABLE(MODEL_COLLECTION, collection_fields),
    TABLE(MODEL_DOCUMENT, document_fields),   TABLE(MODEL_SECRET, secret_fields),
};

struct fields_table fields_of(enum model_kind kind)
{
    return tables[kind];
}

/* Most names differ in their first byte: a state of thousands of resources is decoded at every start. */
static bool is(const char *text, struct str name)
{
    return text != NULL && name.len > 0 && text[0] == name.p[0] && str_eq(name, str_of(text));
}

static bool goes_by(const struct fields_field *f, struct str name, enum model_source source)
{
    if (is(f->name, name) || is(f->alias, name))
        return true;
    return source == MODEL_FROM_CONFIG && f->config_alias != NULL &&
           str_eq_nocase(name, str_of(f->config_alias));
}

const struct fields_field *fields_find(enum model_kind kind, struct str name,
                                       enum model_source source)
{
    for (size_t i = 0; i < tables[kind].n; i++) {
        const struct fields_field *f = &tables[kind].v[i];
        if (f->output == FIELDS_INTERNAL && source != MODEL_FROM_STORE)
            continue;
        if ((f->flags & FIELDS_CONFIG_ONLY) != 0 && source != MODEL_FROM_CONFIG)
            continue;
        if (goes_by(f, name, source))
            return f;
    }
    return NULL;
}

const char *fields_word_text(const struct fields_field *f, int64_t value)
{
    for (const struct fields_word *w = f->words; w->text != NULL; w++) {
        if (w->value == value)
            return w->text;
    }
    return "";
}
