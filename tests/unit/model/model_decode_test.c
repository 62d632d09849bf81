#include "base/container.h"
#include "codec/json.h"
#include "model/fields.h"
#include "model/model.h"
#include "testing.h"

static json_t *parse(const char *text)
{
    struct err e = {0};
    json_t *value = json_text_parse(str_of(text), &e);
    if (value == NULL)
        fail_msg("%s: %s", e.msg, text);
    return value;
}

/* All problems as "path: text; path: text". */
static char *joined(const struct model_problems *ps)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < ps->n; i++) {
        bool ok = buf_addf(&b, "%s%s: %s", i > 0 ? "; " : "", ps->v[i].path, ps->v[i].text);
        assert_true(ok);
    }
    return buf_take(&b, NULL);
}

static struct model_resource *decode_from(enum model_kind kind, const char *text,
                                          enum model_source source)
{
    json_t *input = parse(text);
    struct model_problems ps = {0};
    struct model_resource *r = model_decode(kind, input, source, "default", "", &ps);
    if (r == NULL) {
        char *all = joined(&ps);
        fail_msg("%s gives %s", text, all);
    }
    assert_int_equal(ps.n, 0);
    json_decref(input);
    return r;
}

static struct model_resource *decode(enum model_kind kind, const char *text)
{
    return decode_from(kind, text, MODEL_FROM_API);
}

struct wrong {
    enum model_kind kind;
    const char *input;
    const char *problems; /* each occurs in the joined text, '|' between them */
};

static void expect_wrong(const struct wrong *row, enum model_source source)
{
    json_t *input = parse(row->input);
    struct model_problems ps = {0};
    struct model_resource *r = model_decode(row->kind, input, source, "default", "", &ps);
    char *all = joined(&ps);
    if (r != NULL)
        fail_msg("%s is accepted", row->input);
    assert_true(ps.n > 0);
    char *wanted = strdup(row->problems);
    assert_non_null(wanted);
    char *rest = wanted;
    for (char *part = strsep(&rest, "|"); part != NULL; part = strsep(&rest, "|")) {
        if (strstr(all, part) == NULL)
            fail_msg("%s\n  gives   %s\n  without %s", row->input, all, part);
    }
    free(wanted);
    free(all);
    model_problems_finish(&ps);
    json_decref(input);
}

static void a_service_and_its_defaults(void **state)
{
    (void)state;
    struct model_resource *r =
        decode(MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://h:1/base\",\"ws://h\"]}");
    assert_string_equal(r->service.name, "s");
    assert_string_equal(r->service.ns, "default");
    assert_int_equal(r->service.urls.n, 2);
    assert_string_equal(r->service.urls.v[0], "http://h:1/base");
    assert_int_equal(r->service.retries, 3);
    assert_int_equal(r->service.retry_timeout_ns, 0);
    assert_false(r->service.hide_dgate_headers);
    assert_int_equal(r->service.tags.n, 0);
    assert_int_equal(r->service.balance, MODEL_BALANCE_ROUND_ROBIN);
    assert_string_equal(r->service.hash_on, "");
    assert_int_equal(r->service.weights.n, 0);
    assert_int_equal(r->service.max_fails, 3);
    assert_int_equal(r->service.fail_timeout_ns, 10000000000);
    assert_int_equal(r->service.fail_statuses.n, 0);
    assert_string_equal(r->service.health_path, "");
    assert_int_equal(r->service.health_interval_ns, 5000000000);
    assert_int_equal(r->service.health_timeout_ns, 2000000000);
    assert_int_equal(r->service.healthy_threshold, 2);
    assert_int_equal(r->service.unhealthy_threshold, 3);
    assert_int_equal(r->service.health_statuses.n, 0);
    assert_int_equal(r->service.total_timeout_ns, 0);
    assert_int_equal(r->service.idle_timeout_ns, 0);
    model_destroy(r);
}

static void choice_and_health_of_a_service(void **state)
{
    (void)state;
    struct model_resource *r = decode(
        MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://a\",\"http://b\"],"
                       "\"balance\":\"hash\",\"hash_on\":\"header:X-User\",\"weights\":[1,1000],"
                       "\"maxFails\":0,\"fail_timeout_ms\":1,\"failStatuses\":[502,503],"
                       "\"healthPath\":\"/up?a=%20\",\"health_interval_ms\":10,"
                       "\"healthTimeout\":\"24h\",\"healthyThreshold\":1,"
                       "\"unhealthy_threshold\":100,\"health_statuses\":[204,599],"
                       "\"total_timeout_ms\":5,\"idleTimeout\":\"6ms\"}");
    const struct model_service *s = &r->service;
    assert_int_equal(s->balance, MODEL_BALANCE_HASH);
    assert_string_equal(s->hash_on, "header:X-User");
    assert_int_equal(s->weights.n, 2);
    assert_int_equal(s->weights.v[1], 1000);
    assert_int_equal(s->max_fails, 0);
    assert_int_equal(s->fail_timeout_ns, 1000000);
    assert_int_equal(s->fail_statuses.v[1], 503);
    assert_string_equal(s->health_path, "/up?a=%20");
    assert_int_equal(s->health_interval_ns, 10000000);
    assert_int_equal(s->health_timeout_ns, 86400000000000);
    assert_int_equal(s->healthy_threshold, 1);
    assert_int_equal(s->unhealthy_threshold, 100);
    assert_int_equal(s->health_statuses.v[0], 204);
    assert_int_equal(s->total_timeout_ns, 5000000);
    assert_int_equal(s->idle_timeout_ns, 6000000);
    model_destroy(r);
}

static void durations_have_the_unit_of_their_name(void **state)
{
    (void)state;
    struct model_resource *r = decode(
        MODEL_SERVICE, "{\"name\":\"s\",\"namespace\":\"n\",\"urls\":[\"http://h\"],\"retries\":0,"
                       "\"retryTimeout\":1500,\"connect_timeout_ms\":1500,"
                       "\"requestTimeout\":\"1.5s\",\"hide_dgate_headers\":true,"
                       "\"disableQueryParams\":true,\"tags\":[\"a\",\"b\"]}");
    assert_string_equal(r->service.ns, "n");
    assert_int_equal(r->service.retries, 0);
    assert_int_equal(r->service.retry_timeout_ns, 1500);
    assert_int_equal(r->service.connect_timeout_ns, 1500000000);
    assert_int_equal(r->service.request_timeout_ns, 1500000000);
    assert_true(r->service.hide_dgate_headers);
    assert_true(r->service.disable_query_params);
    assert_int_equal(r->service.tags.n, 2);
    model_destroy(r);
}

static void a_route_in_both_spellings(void **state)
{
    (void)state;
    struct model_resource *r = decode(
        MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/a/**\",\"/b\"],\"methods\":[\"get\",\"POST\"],"
                     "\"strip_path\":true,\"preserveHost\":true,\"service\":\"s\","
                     "\"modules\":[\"m1\",\"m2\"]}");
    assert_string_equal(r->route.methods.v[0], "GET");
    assert_string_equal(r->route.methods.v[1], "POST");
    assert_true(r->route.strip_path);
    assert_true(r->route.preserve_host);
    assert_string_equal(r->route.service, "s");
    assert_int_equal(r->route.modules.n, 2);
    model_destroy(r);

    r = decode(MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"*\"],"
                            "\"namespace\":\"\",\"service\":\"\",\"modules\":null,\"tags\":[]}");
    assert_string_equal(r->route.service, "");
    assert_string_equal(r->route.ns, "default");
    assert_int_equal(r->route.modules.n, 0);
    model_destroy(r);
}

static void modules_have_limits(void **state)
{
    (void)state;
    struct model_resource *r =
        decode(MODEL_MODULE, "{\"name\":\"m\",\"payload\":\"YWJj\",\"limits\":{\"cpu\":\"50ms\","
                             "\"wall_ms\":2000,\"body\":10,\"log_rate\":7}}");
    assert_int_equal(r->module.limits.cpu_ns, 50000000);
    assert_int_equal(r->module.limits.wall_ns, 2000000000);
    assert_int_equal(r->module.limits.body, 10);
    assert_int_equal(r->module.limits.fetches, 0);
    assert_int_equal(r->module.limits.log_rate, 7);
    json_t *object = model_encode(r, MODEL_TO_STORE);
    char *text = json_dumps(json_object_get(object, "limits"), JSON_COMPACT);
    assert_string_equal(text, "{\"cpu\":50000000,\"wall\":2000000000,\"body\":10,\"logRate\":7}");
    free(text);
    json_decref(object);
    model_destroy(r);
    r = decode(MODEL_MODULE, "{\"name\":\"m\",\"payload\":\"YWJj\",\"limits\":null}");
    object = model_encode(r, MODEL_TO_API);
    assert_null(json_object_get(object, "limits"));
    json_decref(object);
    model_destroy(r);
}

static void modules_take_base64_or_text(void **state)
{
    (void)state;
    struct model_resource *r =
        decode(MODEL_MODULE, "{\"name\":\"m\",\"payload\":\"YWJj\",\"module_type\":\"js\"}");
    assert_string_equal(r->module.payload, "YWJj");
    assert_int_equal(r->module.type, MODEL_MODULE_JAVASCRIPT);
    assert_null(r->module.compiled);
    model_destroy(r);

    r = decode(MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"abc\",\"moduleType\":\"\"}");
    assert_string_equal(r->module.payload, "YWJj");
    assert_int_equal(r->module.type, MODEL_MODULE_TYPESCRIPT);
    model_destroy(r);

    r = decode(MODEL_MODULE,
               "{\"name\":\"m\",\"payload_raw\":\"\\u00fc\",\"module_api\":\"dgate2\"}");
    assert_string_equal(r->module.payload, "w7w=");
    assert_int_equal(r->module.api, MODEL_MODULE_API_DGATE2);
    model_destroy(r);
}

static void configured_payloads_may_be_plain(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        const char *payload;
    } rows[] = {
        {"{\"name\":\"m\",\"payload\":\"YWJj\"}", "YWJj"},
        {"{\"name\":\"m\",\"payload\":\"let a;\"}", "bGV0IGE7"},
        /* base64 by its alphabet, but not of UTF-8 text */
        {"{\"name\":\"m\",\"payload\":\"test\"}", "dGVzdA=="},
        {"{\"name\":\"m\",\"payloadRaw\":\"YWJj\"}", "WVdKag=="},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct model_resource *r = decode_from(MODEL_MODULE, rows[i].input, MODEL_FROM_CONFIG);
        assert_string_equal(r->module.payload, rows[i].payload);
        model_destroy(r);
    }
}

static void the_other_kinds(void **state)
{
    (void)state;
    struct model_resource *r = decode(MODEL_NAMESPACE, "{\"name\":\"n\",\"tags\":[\"x\"]}");
    assert_string_equal(r->namespace.name, "n");
    model_destroy(r);

    r = decode(MODEL_DOMAIN, "{\"name\":\"d\",\"patterns\":[\"*.x\",\"/a+/\"],\"priority\":-5,"
                             "\"cert\":\"\",\"key\":\"\"}");
    assert_int_equal(r->domain.priority, -5);
    assert_int_equal(r->domain.patterns.n, 2);
    model_destroy(r);

    r = decode(MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":null,\"visibility\":\"private\","
                                 "\"type\":\"document\"}");
    assert_int_equal(r->collection.visibility, MODEL_VISIBILITY_PRIVATE);
    assert_true(json_is_null(r->collection.schema));
    model_destroy(r);

    r = decode(MODEL_COLLECTION, "{\"name\":\"c\",\"visibility\":\"\",\"type\":\"\"}");
    assert_int_equal(r->collection.visibility, MODEL_VISIBILITY_PUBLIC);
    model_destroy(r);

    r = decode(MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":{\"a\":[1,null]},"
                               "\"createdAt\":\"2024-01-01T00:00:00Z\"}");
    assert_string_equal(r->document.created_at, "");
    assert_true(json_is_object(r->document.data));
    model_destroy(r);

    r = decode(MODEL_DOCUMENT, "{\"id\":\"1\",\"collection\":\"c\",\"data\":null}");
    assert_true(json_is_null(r->document.data));
    model_destroy(r);

    r = decode(MODEL_SECRET, "{\"name\":\"k\",\"data\":\"s3cr3t\"}");
    assert_string_equal(r->secret.data, "s3cr3t");
    model_destroy(r);
}

static void wrong_input(void **state)
{
    (void)state;
    static const struct wrong rows[] = {
        {MODEL_ROUTE, "[]", ": expected an object, got a list"},
        {MODEL_ROUTE, "7", "expected an object, got an integer"},
        {MODEL_ROUTE, "null", "expected an object, got null"},
        {MODEL_ROUTE, "{}", "name: is required|paths: is required|methods: is required"},
        {MODEL_ROUTE, "{\"name\":null,\"paths\":[],\"methods\":null}",
         "name: is required|paths: is required|methods: is required"},
        {MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],\"pathz\":1}",
         "pathz: unknown field; did you mean paths?"},
        {MODEL_ROUTE, "{\"colour\":1}", "colour: unknown field; a route has: name, paths, methods"},
        {MODEL_ROUTE, "{\"\":1}", ": unknown field"},
        {MODEL_ROUTE, "{\"name\":5,\"paths\":\"/\",\"methods\":{},\"stripPath\":\"yes\"}",
         "name: expected a string, got an integer|paths: expected a list of strings, got a "
         "string|methods: expected a list of strings, got an object|stripPath: expected true or "
         "false, got a string"},
        {MODEL_ROUTE, "{\"stripPath\":true,\"strip_path\":true}",
         "strip_path: is given twice, also as stripPath"},
        {MODEL_ROUTE, "{\"paths\":[\"a\",\"\",\"/ok\",7,\"/\\n\"]}",
         "paths[0]: must begin with '/'|paths[1]: must begin with '/'|paths[3]: expected a string, "
         "got an integer|paths[4]: must not contain control"},
        {MODEL_ROUTE, "{\"paths\":[\"/a\",\"/b\",\"/a\"]}",
         "paths[2]: is listed twice, first at [0]"},
        {MODEL_ROUTE, "{\"methods\":[\"GET\",\"FETCH\"]}", "methods[1]: must be one of GET, POST"},
        {MODEL_ROUTE, "{\"methods\":[\"get\",\"GET\"]}", "methods[1]: is listed twice"},
        {MODEL_ROUTE, "{\"methods\":[\"GET\",\"*\"]}", "methods[1]: \"*\" must stand alone"},
        {MODEL_ROUTE, "{\"modules\":[\"\"]}", "modules[0]: must be 1 to 100 bytes"},
        {MODEL_ROUTE, "{\"modules\":[\"m\",\"m\"]}", "modules[1]: is listed twice"},
        {MODEL_ROUTE, "{\"service\":\"a\\tb\"}", "service: must be 1 to 100 bytes"},
        {MODEL_ROUTE, "{\"tags\":[\"x\",\"x\"]}", "tags[1]: is listed twice"},
        {MODEL_ROUTE, "{\"compiled\":{}}", "compiled: unknown field"},
        {MODEL_SERVICE, "{\"name\":\"s\"}", "urls: is required"},
        {MODEL_SERVICE, "{\"name\":\"\"}", "name: is required"},
        {MODEL_SERVICE, "{\"urls\":[\"https://h\",\"wss://h\",\"h2c://h\",\"ftp://h\"]}",
         "urls[0]: https upstreams come with a later version; use http|urls[1]: wss upstreams "
         "come|urls[2]: h2c upstreams come|urls[3]: the scheme must be http or ws"},
        {MODEL_SERVICE, "{\"urls\":[\"h:1\",\"//h\",\"/p\",\"http://\",\"\"]}",
         "urls[0]: is not an absolute URL|urls[1]: is not an absolute URL|urls[2]: is not|urls[3]: "
         "is not|urls[4]: is not"},
        {MODEL_SERVICE, "{\"urls\":[\"http://h:99999\",\"http://u:p@h\"]}",
         "urls[0]: is not|urls[1]: is not"},
        {MODEL_SERVICE, "{\"balance\":\"random\"}",
         "balance: must be round_robin or least_conn or hash, not \"random\""},
        {MODEL_SERVICE, "{\"hashOn\":\"query:a\"}",
         "hashOn: must be ip, path, header:NAME or cookie:NAME"},
        {MODEL_SERVICE, "{\"hashOn\":\"header:\"}", "hashOn: the name behind the colon"},
        {MODEL_SERVICE, "{\"hashOn\":\"cookie:a b\"}", "hashOn: the name behind the colon"},
        {MODEL_SERVICE, "{\"weights\":[0,1001,\"1\",1.5,1]}",
         "weights[0]: must be 1 to 1000|weights[1]: must be 1 to 1000|weights[2]: expected an "
         "integer, got a string|weights[3]: expected an integer, got a number with a fraction"},
        {MODEL_SERVICE, "{\"weights\":5}", "weights: expected a list of integers, got an integer"},
        {MODEL_SERVICE, "{\"failStatuses\":[399,600]}",
         "failStatuses[0]: must be 400 to 599|failStatuses[1]: must be 400 to 599"},
        {MODEL_SERVICE, "{\"failTimeout\":999999}", "failTimeout: must be at least 1ms"},
        {MODEL_SERVICE, "{\"health_interval_ms\":9}", "health_interval_ms: must be at least 10ms"},
        {MODEL_SERVICE, "{\"healthPath\":\"up\"}", "healthPath: must begin with '/'"},
        {MODEL_SERVICE, "{\"healthPath\":\"/a b\"}", "healthPath: must not contain spaces"},
        {MODEL_SERVICE, "{\"healthyThreshold\":0}", "healthyThreshold: must be 1 to 100"},
        {MODEL_SERVICE,
         "{\"name\":\"s\",\"urls\":[\"http://a\"],\"hashOn\":\"ip\",\"weights\":[1,2],"
         "\"healthInterval\":\"1s\",\"healthTimeout\":\"1s\",\"healthyThreshold\":1,"
         "\"unhealthyThreshold\":1,\"healthStatuses\":[200]}",
         "hashOn: has no effect without \"balance\": \"hash\"|weights: must have as many elements "
         "as "
         "urls: 1, not 2|healthInterval: has no effect without healthPath|healthTimeout: has no "
         "effect|healthyThreshold: has no|unhealthyThreshold: has no|healthStatuses: has no"},
        {MODEL_SERVICE, "{\"retries\":-1}", "retries: must be 0 to 100"},
        {MODEL_SERVICE, "{\"retries\":101}", "retries: must be 0 to 100"},
        {MODEL_SERVICE, "{\"retries\":1.5}",
         "retries: expected an integer, got a number with a fraction"},
        {MODEL_SERVICE, "{\"retries\":\"3\"}", "retries: expected an integer, got a string"},
        {MODEL_SERVICE, "{\"retryTimeout\":-1}", "retryTimeout: must not be negative"},
        {MODEL_SERVICE, "{\"retryTimeout\":\"-1s\"}", "retryTimeout: must not be negative"},
        {MODEL_SERVICE, "{\"requestTimeout\":\"25h\"}", "requestTimeout: must be at most 24h"},
        {MODEL_SERVICE, "{\"requestTimeout\":\"5\"}", "requestTimeout: expected a duration"},
        {MODEL_SERVICE, "{\"requestTimeout\":true}", "or an integer in nanoseconds"},
        {MODEL_SERVICE, "{\"request_timeout_ms\":1.5}",
         "request_timeout_ms: expected a duration|or an integer in milliseconds"},
        {MODEL_SERVICE, "{\"request_timeout_ms\":9223372036854775807}",
         "request_timeout_ms: expected a duration"},
        {MODEL_SERVICE, "{\"request_timeout_ms\":1,\"requestTimeout\":1}",
         "requestTimeout: is given twice"},
        {MODEL_SERVICE, "{\"http2Only\":true,\"tls_skip_verify\":true}",
         "http2Only: HTTP/2 to upstreams comes with a later version|tlsSkipVerify: TLS to "
         "upstreams "
         "comes with a later version"},
        {MODEL_DOMAIN, "{\"name\":\"d\"}", "patterns: is required"},
        {MODEL_DOMAIN, "{\"patterns\":[\"\",\"a b\"]}",
         "patterns[0]: must not be empty|patterns[1]: must not contain spaces"},
        {MODEL_DOMAIN, "{\"cert\":\"PEM\",\"key\":\"PEM\"}",
         "cert: TLS certificates come with a later version|key: TLS certificates come"},
        {MODEL_DOMAIN, "{\"priority\":2147483648}", "priority: must be -2147483648 to 2147483647"},
        {MODEL_DOMAIN, "{\"cert_file\":\"x\"}", "cert_file: unknown field"},
        {MODEL_MODULE, "{\"name\":\"m\"}", "payload: is required"},
        {MODEL_MODULE, "{\"payload\":\"\"}", "payload: is required"},
        {MODEL_MODULE, "{\"payload\":\"YWJ\"}", "payload: is not base64"},
        {MODEL_MODULE, "{\"payload\":\"YW*j\"}", "payload: is not base64 (at offset 2)"},
        {MODEL_MODULE, "{\"payload\":\"test\"}", "payload: must decode to UTF-8 text"},
        {MODEL_MODULE, "{\"payload\":7}", "payload: expected a string in base64, got an integer"},
        {MODEL_MODULE, "{\"payload\":\"YWJj\",\"payloadRaw\":\"a\"}",
         "payloadRaw: must not be given together with payload"},
        {MODEL_MODULE, "{\"payloadFile\":\"x.ts\"}", "payloadFile: only a configuration file can"},
        {MODEL_MODULE, "{\"moduleType\":\"wasm\"}",
         "moduleType: must be typescript or javascript, not \"wasm\""},
        {MODEL_MODULE, "{\"moduleApi\":\"dgate3\"}",
         "moduleApi: must be auto or dgate1 or dgate2, not \"dgate3\""},
        {MODEL_MODULE, "{\"limits\":{\"cpus\":1}}",
         "limits.cpus: unknown field; did you mean limits.cpu?"},
        {MODEL_MODULE, "{\"limits\":{\"fetches\":10001}}", "limits.fetches: must be 0 to 10000"},
        {MODEL_MODULE, "{\"limits\":{\"cpu\":\"1s\",\"cpu_ms\":1}}",
         "limits.cpu_ms: is given twice"},
        {MODEL_MODULE, "{\"limits\":[]}", "limits: expected an object"},
        {MODEL_MODULE, "{\"moduleType\":1}",
         "moduleType: expected typescript or javascript, got an integer"},
        {MODEL_MODULE, "{\"compiled\":{\"code\":\"x\"}}", "compiled: unknown field"},
        {MODEL_COLLECTION, "{\"name\":\"c\",\"schema\":{}}",
         "schema: JSON Schema validation comes with a later version"},
        {MODEL_COLLECTION, "{\"visibility\":\"secret\"}",
         "visibility: must be public or private, not \"secret\""},
        {MODEL_COLLECTION, "{\"type\":\"fetcher\"}", "type: must be document, not \"fetcher\""},
        {MODEL_DOCUMENT, "{\"id\":\"1\"}", "collection: is required|data: is required"},
        {MODEL_DOCUMENT, "{\"id\":\"\",\"data\":1}", "id: is required"},
        {MODEL_DOCUMENT, "{\"createdAt\":7,\"updated_at\":{}}",
         "createdAt: expected a string|updatedAt: expected a string"},
        {MODEL_DOCUMENT, "{\"tags\":[]}", "tags: unknown field"},
        {MODEL_DOCUMENT, "{\"NamespaceName\":\"n\"}", "NamespaceName: unknown field"},
        {MODEL_SECRET, "{\"name\":\"k\"}", "data: is required"},
        {MODEL_SECRET, "{\"name\":\"k\",\"data\":\"\"}", "data: is required"},
        {MODEL_SECRET, "{\"name\":\"k\",\"data\":\"**redacted**\"}", "data: is the placeholder"},
        {MODEL_NAMESPACE, "{\"name\":\"a\\u0001b\"}", "name: must be 1 to 100 bytes"},
        {MODEL_NAMESPACE, "{\"name\":\"a\",\"namespace\":\"b\"}", "namespace: unknown field"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_wrong(&rows[i], MODEL_FROM_API);
}

static void configuration_is_read_loosely(void **state)
{
    (void)state;
    struct model_resource *r =
        decode_from(MODEL_SERVICE,
                    "{\"name\":\"s\",\"urls\":[\"http://h\"],\"retries\":\"5\","
                    "\"hideDGateHeaders\":\"true\",\"retryTimeout\":\"1000\"}",
                    MODEL_FROM_CONFIG);
    assert_int_equal(r->service.retries, 5);
    assert_true(r->service.hide_dgate_headers);
    assert_int_equal(r->service.retry_timeout_ns, 1000);
    model_destroy(r);

    r = decode_from(MODEL_DOCUMENT,
                    "{\"id\":\"1\",\"namespacename\":\"n\",\"CollectionName\":\"c\",\"data\":1}",
                    MODEL_FROM_CONFIG);
    assert_string_equal(r->document.ns, "n");
    assert_string_equal(r->document.collection, "c");
    model_destroy(r);

    static const struct wrong rows[] = {
        {MODEL_SECRET, "{\"name\":\"k\",\"data\":123}",
         "data: expected a string, got an integer; put it in quotes"},
        {MODEL_DOMAIN, "{\"cert_file\":\"a.pem\",\"keyFile\":\"b.pem\"}",
         "certFile: TLS certificates come|keyFile: TLS certificates come"},
        {MODEL_SERVICE, "{\"retries\":\"x\"}", "retries: expected an integer"},
        {MODEL_SERVICE, "{\"hideDGateHeaders\":\"maybe\"}", "hideDGateHeaders: expected true"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_wrong(&rows[i], MODEL_FROM_CONFIG);
}

static void a_namespace_may_be_required(void **state)
{
    (void)state;
    json_t *input = parse("{\"name\":\"s\",\"urls\":[\"http://h\"]}");
    struct model_problems ps = {0};
    assert_null(model_decode(MODEL_SERVICE, input, MODEL_FROM_API, NULL, "services[2]", &ps));
    assert_int_equal(ps.n, 1);
    assert_string_equal(ps.v[0].path, "services[2].namespace");
    model_problems_finish(&ps);
    json_decref(input);
}

static void sizes_are_limited(void **state)
{
    (void)state;
    size_t n = MODEL_SOURCE_MAX + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    for (size_t over = 0; over < 2; over++) {
        json_t *input = json_pack("{s:s, s:o}", "name", "m", "payloadRaw",
                                  json_stringn(text, MODEL_SOURCE_MAX + over));
        struct model_problems ps = {0};
        struct model_resource *r =
            model_decode(MODEL_MODULE, input, MODEL_FROM_API, "default", "", &ps);
        assert_int_equal(r == NULL, over);
        if (r != NULL) {
            json_t *stored = model_encode(r, MODEL_TO_STORE);
            struct model_resource *again =
                model_decode(MODEL_MODULE, stored, MODEL_FROM_STORE, NULL, "", &ps);
            assert_non_null(again);
            model_destroy(again);
            json_decref(stored);
        }
        model_destroy(r);
        model_problems_finish(&ps);
        json_decref(input);
    }
    json_t *paths = json_array();
    for (int i = 0; i <= FIELDS_LIST_MAX; i++)
        (void)json_array_append_new(paths, json_sprintf("/%d", i));
    json_t *input = json_pack("{s:s, s:o, s:[s]}", "name", "r", "paths", paths, "methods", "GET");
    struct model_problems ps = {0};
    assert_null(model_decode(MODEL_ROUTE, input, MODEL_FROM_API, "default", "", &ps));
    assert_string_equal(ps.v[0].text, "must have at most 256 elements");
    assert_int_equal(ps.n, 1);
    model_problems_finish(&ps);
    json_decref(input);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_and_its_defaults),
        cmocka_unit_test(choice_and_health_of_a_service),
        cmocka_unit_test(durations_have_the_unit_of_their_name),
        cmocka_unit_test(a_route_in_both_spellings),
        cmocka_unit_test(modules_have_limits),
        cmocka_unit_test(modules_take_base64_or_text),
        cmocka_unit_test(configured_payloads_may_be_plain),
        cmocka_unit_test(the_other_kinds),
        cmocka_unit_test(wrong_input),
        cmocka_unit_test(configuration_is_read_loosely),
        cmocka_unit_test(a_namespace_may_be_required),
        cmocka_unit_test(sizes_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
