/* The eight kinds of resource. One table of fields per kind (model/fields.h) drives decoding from JSON and
 * YAML, defaults, validation, encoding, CLI help and the OpenAPI document.
 *
 * A decoded resource is one of the structs below behind struct model_resource; it owns all its strings and
 * is never changed after decoding, only destroyed.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"

/* What sources and names may measure, in bytes. */
enum { MODEL_SOURCE_MAX = 512 * 1024, MODEL_NAME_MAX = 100, MODEL_DOCUMENT_ID_MAX = 255 };

/* What a route's limitBy begins with when a header field tells requests apart. */
#define MODEL_LIMIT_BY_HEADER "header:"

/* The default of a route's ratePeriod. */
#define MODEL_RATE_PERIOD_NS INT64_C(1000000000)

/* What is shown instead of a secret. */
#define MODEL_REDACTED "**redacted**"

/* kind, name */
#define MODEL_KINDS(X)                                                                             \
    X(NAMESPACE, "namespace")                                                                      \
    X(DOMAIN, "domain")                                                                            \
    X(SERVICE, "service")                                                                          \
    X(ROUTE, "route")                                                                              \
    X(MODULE, "module")                                                                            \
    X(COLLECTION, "collection")                                                                    \
    X(DOCUMENT, "document")                                                                        \
    X(SECRET, "secret")

enum model_kind {
#define X(name, text) MODEL_##name,
    MODEL_KINDS(X)
#undef X
        MODEL_KIND_COUNT,
};

struct model_strings {
    VEC_OF(char *);
};

struct model_ints {
    VEC_OF(int64_t);
};

struct model_namespace {
    char *name;
    struct model_strings tags;
};

struct model_domain {
    char *name;
    char *ns;
    struct model_strings patterns;
    int64_t priority; /* higher wins */
    char *cert;       /* PEM text or "" */
    char *key;
    struct model_strings tags;
};

enum model_balance { MODEL_BALANCE_ROUND_ROBIN, MODEL_BALANCE_LEAST_CONN, MODEL_BALANCE_HASH };

struct model_service {
    char *name;
    char *ns;
    struct model_strings urls;
    int64_t balance;                 /* enum model_balance */
    char *hash_on;                   /* "" (as "ip"), "ip", "path", "header:NAME", "cookie:NAME" */
    struct model_ints weights;       /* none, or one per URL */
    int64_t max_fails;               /* in a row, before requests are kept away; 0: never */
    int64_t fail_timeout_ns;         /* for so long */
    struct model_ints fail_statuses; /* of responses that count as failures */
    char *health_path;               /* of active checks; "": none */
    int64_t health_interval_ns;
    int64_t health_timeout_ns;
    int64_t healthy_threshold;
    int64_t unhealthy_threshold;
    struct model_ints health_statuses; /* none: 200 to 399 */
    int64_t retries;                   /* additional attempts */
    int64_t retry_timeout_ns;          /* pause before each of them */
    int64_t connect_timeout_ns;        /* 0: the server's default */
    int64_t request_timeout_ns;        /* until the response head; 0: the server's default */
    int64_t total_timeout_ns;          /* of the whole request; 0: none */
    int64_t idle_timeout_ns;           /* between bytes of the response; 0: the server's default */
    bool tls_skip_verify;
    bool http2_only;
    bool hide_dgate_headers;
    bool disable_query_params;
    int64_t max_request_body; /* bytes; 0: the server's */
    struct model_strings tags;
};

struct model_route {
    char *name;
    char *ns;
    struct model_strings paths;
    struct model_strings methods; /* upper-case names, or exactly "*" */
    bool preserve_host;
    bool strip_path;
    char *service;            /* "" for none */
    int64_t max_request_body; /* bytes; 0: the service's */
    struct model_strings modules;
    int64_t rate_limit; /* requests per rate_period_ns; 0: no limit */
    int64_t rate_period_ns;
    int64_t rate_burst;     /* 0: as rate_limit */
    int64_t max_concurrent; /* 0: no limit */
    char
        *limit_by; /* whose requests are counted together: "client" or "", "route", "header:NAME" */
    struct model_strings tags;
};

enum model_module_type { MODEL_MODULE_TYPESCRIPT, MODEL_MODULE_JAVASCRIPT };

/* Which ctx its functions get. AUTO: as the source looks (js/compiler/analyse.ts). */
enum model_module_api { MODEL_MODULE_API_AUTO, MODEL_MODULE_API_DGATE1, MODEL_MODULE_API_DGATE2 };
/* A module's own limits; 0: the server's. */
struct model_module_limits {
    int64_t cpu_ns;
    int64_t wall_ns;
    int64_t body; /* bytes */
    int64_t fetches;
    int64_t timers;
    int64_t log_rate; /* lines a second */
};

struct model_module {
    char *name;
    char *ns;
    char *payload; /* the source in base64 */
    int64_t type;  /* enum model_module_type */
    int64_t api;   /* enum model_module_api */
    struct model_module_limits limits;
    struct model_strings tags;
    json_t *compiled; /* what the compiler made of it (script/compiler.h); not part of the API */
};

enum model_visibility { MODEL_VISIBILITY_PUBLIC, MODEL_VISIBILITY_PRIVATE };

struct model_collection {
    char *name;
    char *ns;
    json_t *schema;     /* JSON null when there is none */
    int64_t visibility; /* enum model_visibility */
    int64_t type;       /* only "document" */
    struct model_strings tags;
};

struct model_document {
    char *id;
    char *ns;
    char *collection;
    char *created_at; /* RFC 3339, set by the server */
    char *updated_at;
    json_t *data;
};

struct model_secret {
    char *name;
    char *ns;
    char *data;
    char *created_at;
    char *updated_at;
    struct model_strings tags;
};

struct model_resource {
    enum model_kind kind;
    union {
        struct model_namespace namespace;
        struct model_domain domain;
        struct model_service service;
        struct model_route route;
        struct model_module module;
        struct model_collection collection;
        struct model_document document;
        struct model_secret secret;
    };
};

/* Problems found in one input, all at once: each a path ("routes[0].paths[1]") and a sentence. */
struct model_problem {
    char *path;
    char *text;
};
struct model_problems {
    VEC_OF(struct model_problem);
};

enum { MODEL_PROBLEMS_MAX = 50 };

/* Adds one. Past MODEL_PROBLEMS_MAX a last one says that there are more, and the others are dropped. */
void model_problems_add(struct model_problems *ps, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void model_problems_finish(struct model_problems *ps);

/* How a resource is addressed. For a namespace ns is "" ; for a document name is its id. */
struct model_ref {
    enum model_kind kind;
    struct str ns;
    struct str collection; /* documents only */
    struct str name;
};

/* "route": the name of a kind, and back (singular; false when unknown). */
const char *model_kind_name(enum model_kind kind);
bool model_kind_parse(struct str text, enum model_kind *ret) __attribute__((warn_unused_result));

/* Where an input comes from decides what it may hold. */
enum model_source {
    MODEL_FROM_API,    /* camelCase or snake_case fields; no server-set ones */
    MODEL_FROM_CONFIG, /* also payloadRaw/payload_raw, payloadFile/payload_file, cert_file, key_file,
                        * resolved by config/ before decoding */
    MODEL_FROM_STORE,  /* canonical form written by model_encode(MODEL_TO_STORE) */
};

/* Decodes and validates one resource on its own (types, names, URLs, methods, unknown fields, durations;
 * not references). base is the path put before each problem's path ("" or "routes[0]"). Returns NULL and at
 * least one problem when anything is wrong. default_ns fills an absent namespace (NULL: it is required).
 * Defaults are filled in. */
struct model_resource *model_decode(enum model_kind kind, const json_t *input,
                                    enum model_source source, const char *default_ns,
                                    const char *base, struct model_problems *problems)
    __attribute__((warn_unused_result));

/* Decodes the text of a stored resource. NULL with e filled when it is none; the caller knows which one it was. */
struct model_resource *model_decode_stored(enum model_kind kind, struct str text, struct err *e);

/* A duration of a resource in milliseconds, rounded up. */
uint64_t model_ms(int64_t ns);

bool model_ints_has(const struct model_ints *list, int64_t n);

void model_destroy(struct model_resource *r);

enum model_target {
    MODEL_TO_API,   /* output: camelCase, secrets redacted, no compiled form; cert keys redacted */
    MODEL_TO_STORE, /* everything */
    MODEL_TO_LOG,   /* change log: secrets' data and domains' key redacted, no compiled form */
};

/* A new JSON object of the resource. */
json_t *model_encode(const struct model_resource *r, enum model_target target)
    __attribute__((warn_unused_result));

/* The address of r; the strs point into r. */
struct model_ref model_ref_of(const struct model_resource *r);

/* "route default/api", "namespace foo", "document default/users/42": for messages. Cut when too long. */
enum { MODEL_LABEL_SIZE = 384 };
void model_ref_label(const struct model_ref *ref, char out[MODEL_LABEL_SIZE]);

/* The store key: kind, namespace, (collection,) name joined with NUL: "route\0default\0api"; a
 * namespace's second part is empty: "namespace\0\0default". With an empty name it ends after the last
 * separator: the prefix of all of that kind in that namespace. False, with out unchanged, past the
 * buffer's maximum. model_key_parse() points into key and refuses
 * prefixes. */
bool model_key(struct buf *out, const struct model_ref *ref) __attribute__((warn_unused_result));
bool model_key_parse(struct str key, struct model_ref *ret) __attribute__((warn_unused_result));

/* Whether text may be a name: 1 to 100 bytes of UTF-8 (document ids: 255) without control characters. */
bool model_name_valid(struct str text, size_t max);

/* Parses a duration: "300ms", "1.5s", "1h15m" (Go's syntax), result in nanoseconds. */
bool model_duration_parse(struct str text, int64_t *ret_ns) __attribute__((warn_unused_result));

#endif
