#include "base/container.h"
#include "codec/json.h"
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

static struct model_resource *decode(enum model_kind kind, const char *text,
                                     enum model_source source)
{
    json_t *input = parse(text);
    struct model_problems ps = {0};
    struct model_resource *r = model_decode(kind, input, source, "default", "", &ps);
    if (r == NULL)
        fail_msg("%s: %s: %s", text, ps.v[0].path, ps.v[0].text);
    json_decref(input);
    return r;
}

/* The text of r for that target; the caller frees it. */
static char *encoded(const struct model_resource *r, enum model_target target)
{
    json_t *value = model_encode(r, target);
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_true(json_text_write(&b, value));
    json_decref(value);
    return buf_take(&b, NULL);
}

static void expect(const struct model_resource *r, enum model_target target, const char *text)
{
    char *got = encoded(r, target);
    assert_string_equal(got, text);
    free(got);
}

struct row {
    enum model_kind kind;
    const char *input;
    const char *api;
};

static const struct row rows[] = {
    {MODEL_NAMESPACE, "{\"name\":\"n\"}", "{\"name\":\"n\"}"},
    {MODEL_NAMESPACE, "{\"tags\":[\"a\"],\"name\":\"n\"}", "{\"name\":\"n\",\"tags\":[\"a\"]}"},
    {MODEL_SERVICE, "{\"name\":\"s\",\"urls\":[\"http://h:1\"],\"retry_timeout_ms\":2}",
     "{\"name\":\"s\",\"urls\":[\"http://h:1\"],\"namespace\":\"default\",\"retries\":3,"
     "\"retryTimeout\":2000000,\"connectTimeout\":0,\"requestTimeout\":0,\"tlsSkipVerify\":false,"
     "\"http2Only\":false,\"hideDGateHeaders\":false,\"disableQueryParams\":false}"},
    {MODEL_ROUTE, "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"get\"]}",
     "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"GET\"],\"preserveHost\":false,"
     "\"stripPath\":false,\"namespace\":\"default\"}"},
    {MODEL_ROUTE,
     "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"*\"],\"service\":\"s\",\"modules\":[\"m\"]}",
     "{\"name\":\"r\",\"paths\":[\"/\"],\"methods\":[\"*\"],\"preserveHost\":false,"
     "\"stripPath\":false,\"service\":\"s\",\"namespace\":\"default\",\"modules\":[\"m\"]}"},
    {MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"abc\",\"moduleType\":\"js\"}",
     "{\"name\":\"m\",\"namespace\":\"default\",\"payload\":\"YWJj\",\"moduleType\":"
     "\"javascript\"}"},
    {MODEL_DOMAIN, "{\"name\":\"d\",\"patterns\":[\"*.x\"]}",
     "{\"name\":\"d\",\"namespace\":\"default\",\"patterns\":[\"*.x\"],\"priority\":0,\"cert\":"
     "\"\",\"key\":\"\"}"},
    {MODEL_COLLECTION, "{\"name\":\"c\"}",
     "{\"name\":\"c\",\"namespace\":\"default\",\"schema\":null,\"visibility\":\"public\",\"type\":"
     "\"document\"}"},
    {MODEL_DOCUMENT,
     "{\"id\":\"1\",\"collection\":\"c\",\"data\":{\"b\":1,\"a\":[1.5,\"\xc3\xbc\"]}}",
     "{\"id\":\"1\",\"namespace\":\"default\",\"collection\":\"c\",\"data\":{\"b\":1,\"a\":[1.5,"
     "\"\xc3\xbc\"]}}"},
    {MODEL_SECRET, "{\"name\":\"k\",\"data\":\"s3\",\"tags\":[\"t\"]}",
     "{\"name\":\"k\",\"namespace\":\"default\",\"data\":\"**redacted**\",\"tags\":[\"t\"]}"},
    {MODEL_SERVICE,
     "{\"name\":\"s\",\"urls\":[\"http://a\",\"http://b\"],\"balance\":\"LEAST_CONN\","
     "\"weights\":[3,1000],\"max_fails\":3,\"failTimeout\":\"1s\",\"failStatuses\":[],"
     "\"health_path\":\"/h\",\"healthStatuses\":[204]}",
     "{\"name\":\"s\",\"urls\":[\"http://a\",\"http://b\"],\"namespace\":\"default\","
     "\"balance\":\"least_conn\",\"weights\":[3,1000],\"failTimeout\":1000000000,"
     "\"healthPath\":\"/h\",\"healthStatuses\":[204],\"retries\":3,\"retryTimeout\":0,"
     "\"connectTimeout\":0,\"requestTimeout\":0,\"tlsSkipVerify\":false,\"http2Only\":false,"
     "\"hideDGateHeaders\":false,\"disableQueryParams\":false}"},
    {MODEL_MODULE, "{\"name\":\"m\",\"payloadRaw\":\"abc\",\"moduleApi\":\"dgate1\"}",
     "{\"name\":\"m\",\"namespace\":\"default\",\"payload\":\"YWJj\",\"moduleType\":"
     "\"typescript\",\"moduleApi\":\"dgate1\"}"},
};

static void api_output(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct model_resource *r = decode(rows[i].kind, rows[i].input, MODEL_FROM_API);
        expect(r, MODEL_TO_API, rows[i].api);
        model_destroy(r);
    }
}

static void the_store_form_comes_back_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct model_resource *r = decode(rows[i].kind, rows[i].input, MODEL_FROM_API);
        char *stored = encoded(r, MODEL_TO_STORE);
        struct model_resource *again = decode(rows[i].kind, stored, MODEL_FROM_STORE);
        expect(again, MODEL_TO_STORE, stored);
        model_destroy(again);
        model_destroy(r);
        free(stored);
    }
}

static void the_store_keeps_what_the_api_hides(void **state)
{
    (void)state;
    struct model_resource *r = decode(
        MODEL_MODULE,
        "{\"name\":\"m\",\"namespace\":\"n\",\"payload\":\"YWJj\",\"moduleType\":\"typescript\","
        "\"compiled\":{\"code\":\"x\"}}",
        MODEL_FROM_STORE);
    expect(r, MODEL_TO_STORE,
           "{\"name\":\"m\",\"namespace\":\"n\",\"payload\":\"YWJj\",\"moduleType\":\"typescript\","
           "\"compiled\":{\"code\":\"x\"}}");
    expect(
        r, MODEL_TO_API,
        "{\"name\":\"m\",\"namespace\":\"n\",\"payload\":\"YWJj\",\"moduleType\":\"typescript\"}");
    expect(
        r, MODEL_TO_LOG,
        "{\"name\":\"m\",\"namespace\":\"n\",\"payload\":\"YWJj\",\"moduleType\":\"typescript\"}");
    model_destroy(r);

    r = decode(MODEL_SECRET,
               "{\"name\":\"k\",\"namespace\":\"n\",\"data\":\"s3\",\"createdAt\":\"T1\","
               "\"updatedAt\":\"T2\"}",
               MODEL_FROM_STORE);
    expect(r, MODEL_TO_STORE,
           "{\"name\":\"k\",\"namespace\":\"n\",\"data\":\"s3\",\"createdAt\":\"T1\","
           "\"updatedAt\":\"T2\"}");
    expect(r, MODEL_TO_LOG,
           "{\"name\":\"k\",\"namespace\":\"n\",\"data\":\"**redacted**\",\"createdAt\":\"T1\","
           "\"updatedAt\":\"T2\"}");
    model_destroy(r);
}

static void a_domain_key_is_redacted(void **state)
{
    (void)state;
    struct model_resource *r =
        decode(MODEL_DOMAIN, "{\"name\":\"d\",\"patterns\":[\"x\"]}", MODEL_FROM_API);
    free(r->domain.key);
    r->domain.key = strdup("PEM");
    char *text = encoded(r, MODEL_TO_API);
    assert_non_null(strstr(text, "\"key\":\"**redacted**\""));
    free(text);
    model_destroy(r);
}

static void refs(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "namespace n",          "namespace n",      "service default/s", "route default/r",
        "route default/r",      "module default/m", "domain default/d",  "collection default/c",
        "document default/c/1", "secret default/k", "service default/s", "module default/m",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct model_resource *r = decode(rows[i].kind, rows[i].input, MODEL_FROM_API);
        struct model_ref ref = model_ref_of(r);
        char label[MODEL_LABEL_SIZE];
        model_ref_label(&ref, label);
        assert_string_equal(label, labels[i]);
        model_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_output),
        cmocka_unit_test(the_store_form_comes_back_equal),
        cmocka_unit_test(the_store_keeps_what_the_api_hides),
        cmocka_unit_test(a_domain_key_is_redacted),
        cmocka_unit_test(refs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
