#include "model/fields.h"

#include <assert.h>

#include "base/container.h"
#include "model/checks.h"

#define AT(member) .offset = offsetof(struct model_resource, member)

#define DAY_NS 86400000000000

enum { TEXT_MAX = 2048, SECRET_MAX = 65536 };

static const struct fields_word module_types[] = {
    {"typescript", MODEL_MODULE_TYPESCRIPT},
    {"javascript", MODEL_MODULE_JAVASCRIPT},
    {"ts", MODEL_MODULE_TYPESCRIPT},
    {"js", MODEL_MODULE_JAVASCRIPT},
    {NULL, 0},
};

static const struct fields_word visibilities[] = {
    {"public", MODEL_VISIBILITY_PUBLIC},
    {"private", MODEL_VISIBILITY_PRIVATE},
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
     .doc = "upstreams, used in turn; a path is put before the request's; one given twice is used "
            "twice as often"},
    NS_FIELD(service.ns),
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
     .later = "JSON Schema validation comes with a later version; remove the field",
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

static bool goes_by(const struct fields_field *f, struct str name, enum model_source source)
{
    if (str_eq(name, str_of(f->name)) || (f->alias != NULL && str_eq(name, str_of(f->alias))))
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
