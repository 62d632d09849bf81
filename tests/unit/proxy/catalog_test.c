#include "proxy/catalog.h"
#include "proxy/catalog_route.h"
#include "proxy/catalog_service.h"
#include "proxy/fixture.h"
#include "proxy/upstream_url.h"
#include "route/router.h"

static void drop(struct fixture *f, enum model_kind kind, const char *ns, const char *name)
{
    const struct model_ref ref = {.kind = kind, .ns = str_of(ns), .name = str_of(name)};
    catalog_remove(f->catalog, &ref);
}

/* The name of the route that answers, or "" for none. */
static const char *find(const struct fixture *f, const char *host, const char *method,
                        const char *path)
{
    const struct router *router = catalog_router(f->catalog, str_of(host));
    struct router_match m;
    if (router == NULL)
        return "no namespace";
    if (router_find(router, str_of(method), str_of(path), &m) != ROUTER_FOUND)
        return "";
    const struct catalog_route *r = m.target;
    return r->model->name;
}

#define assert_found(f, host, method, path, name)                                                  \
    assert_string_equal(find((f), (host), (method), (path)), (name))

static void put_route(struct fixture *f, const char *ns, const char *name, const char *path,
                      const char *method)
{
    char json[512];
    (void)snprintf(json, sizeof(json),
                   "{'name':'%s','namespace':'%s','paths':['%s'],'methods':['%s'],'service':'s'}",
                   name, ns, path, method);
    fixture_put(f, MODEL_ROUTE, json);
}

static void test_counts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    for (int i = 0; i < 2; i++) { /* the second time everything is replaced */
        fixture_put(&f, MODEL_NAMESPACE, "{'name':'default'}");
        fixture_put(&f, MODEL_NAMESPACE, "{'name':'n'}");
        fixture_put(&f, MODEL_DOMAIN, "{'name':'d','namespace':'n','patterns':['n.example']}");
        fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
        fixture_put(&f, MODEL_SERVICE, "{'name':'s','namespace':'n','urls':['http://a']}");
        fixture_put(&f, MODEL_MODULE, "{'name':'m','payload':'eA=='}");
        put_route(&f, "default", "r", "/", "GET");
        put_route(&f, "n", "r", "/", "GET");
        fixture_put(&f, MODEL_SECRET, "{'name':'x','data':'y'}");
        fixture_put(&f, MODEL_COLLECTION, "{'name':'c'}");
        assert_int_equal(catalog_count(f.catalog, MODEL_NAMESPACE), 2);
        assert_int_equal(catalog_count(f.catalog, MODEL_DOMAIN), 1);
        assert_int_equal(catalog_count(f.catalog, MODEL_SERVICE), 2);
        assert_int_equal(catalog_count(f.catalog, MODEL_MODULE), 1);
        assert_int_equal(catalog_count(f.catalog, MODEL_ROUTE), 2);
        assert_int_equal(catalog_count(f.catalog, MODEL_SECRET), 0);
    }
    for (int i = 0; i < 2; i++) { /* the second time everything is absent */
        drop(&f, MODEL_ROUTE, "n", "r");
        drop(&f, MODEL_DOMAIN, "n", "d");
        drop(&f, MODEL_SERVICE, "n", "s");
        drop(&f, MODEL_NAMESPACE, "", "n");
        drop(&f, MODEL_MODULE, "default", "m");
        drop(&f, MODEL_SECRET, "default", "x");
        assert_int_equal(catalog_count(f.catalog, MODEL_NAMESPACE), 1);
        assert_int_equal(catalog_count(f.catalog, MODEL_DOMAIN), 0);
        assert_int_equal(catalog_count(f.catalog, MODEL_SERVICE), 1);
        assert_int_equal(catalog_count(f.catalog, MODEL_MODULE), 0);
        assert_int_equal(catalog_count(f.catalog, MODEL_ROUTE), 1);
    }
    catalog_clear(f.catalog);
    for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
        assert_int_equal(catalog_count(f.catalog, (enum model_kind)kind), 0);
    assert_null(catalog_router(f.catalog, STR("example.org")));
    catalog_clear(f.catalog);
    fixture_finish(&f);
}

static void test_namespaces(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    assert_found(&f, "a.example", "GET", "/", "no namespace");
    /* The only one there is. */
    put_route(&f, "n", "in-n", "/", "GET");
    assert_found(&f, "a.example", "GET", "/", "in-n");
    /* The default one, once it exists. */
    put_route(&f, "default", "in-default", "/", "GET");
    assert_found(&f, "a.example", "GET", "/", "in-default");
    /* By domain; hosts without one go to the default as long as it has none itself. */
    fixture_put(&f, MODEL_DOMAIN, "{'name':'d','namespace':'n','patterns':['*.n.example','x*']}");
    assert_found(&f, "a.n.example", "GET", "/", "in-n");
    assert_found(&f, "xyz", "GET", "/", "in-n");
    assert_found(&f, "a.example", "GET", "/", "in-default");
    fixture_put(&f, MODEL_DOMAIN, "{'name':'own','patterns':['a.example']}");
    assert_found(&f, "a.example", "GET", "/", "in-default");
    assert_found(&f, "b.example", "GET", "/", "no namespace");
    /* A domain that is replaced has its new patterns only. */
    fixture_put(&f, MODEL_DOMAIN, "{'name':'d','namespace':'n','patterns':['b.example']}");
    assert_found(&f, "b.example", "GET", "/", "in-n");
    assert_found(&f, "a.n.example", "GET", "/", "no namespace");
    drop(&f, MODEL_DOMAIN, "default", "own");
    assert_found(&f, "a.n.example", "GET", "/", "in-default");
    /* Neither other namespace nor default. */
    drop(&f, MODEL_ROUTE, "default", "in-default");
    assert_found(&f, "a.n.example", "GET", "/", "no namespace");
    fixture_finish(&f);
}

static void test_without_default(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    const struct catalog_options options = {.default_namespace = false};
    struct catalog *c = catalog_create(NULL, &options);
    struct catalog *kept = f.catalog;
    f.catalog = c;
    put_route(&f, "default", "in-default", "/", "GET");
    assert_found(&f, "a.example", "GET", "/", "in-default"); /* the only one */
    put_route(&f, "n", "in-n", "/", "GET");
    assert_found(&f, "a.example", "GET", "/", "no namespace");
    f.catalog = kept;
    catalog_destroy(c);
    fixture_finish(&f);
}

/* Routes that want the same path take turns, in whatever order the changes come. */
static void test_conflicts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    put_route(&f, "default", "a", "/x/{id}", "GET");
    put_route(&f, "default", "b", "/x/{name}", "GET");
    assert_found(&f, "h", "GET", "/x/1", "a");
    /* a moves away: b comes in. */
    put_route(&f, "default", "a", "/y", "GET");
    assert_found(&f, "h", "GET", "/x/1", "b");
    assert_found(&f, "h", "GET", "/y", "a");
    /* A waiting route that is replaced or removed is not served later. */
    put_route(&f, "default", "c", "/y", "GET");
    put_route(&f, "default", "c", "/z", "GET");
    assert_found(&f, "h", "GET", "/z", "c");
    put_route(&f, "default", "c", "/y", "GET");
    assert_found(&f, "h", "GET", "/z", "");
    drop(&f, MODEL_ROUTE, "default", "c");
    drop(&f, MODEL_ROUTE, "default", "a");
    assert_found(&f, "h", "GET", "/y", "");
    /* None of a route's paths is served while one of them is taken. */
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'d','paths':['/free','/x/{id}'],'methods':['POST','GET']}");
    assert_found(&f, "h", "POST", "/free", "");
    assert_found(&f, "h", "GET", "/free", "");
    drop(&f, MODEL_ROUTE, "default", "b");
    assert_found(&f, "h", "GET", "/free", "d");
    assert_found(&f, "h", "POST", "/x/1", "d");
    /* A route is not in conflict with itself. */
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'e','paths':['/e/{a}','/e/{b}'],'methods':['GET'],'service':'s'}");
    assert_found(&f, "h", "GET", "/e/1", "e");
    /* The same names in an other namespace are something else. */
    put_route(&f, "n", "d", "/free", "GET");
    assert_found(&f, "h", "GET", "/free", "d");
    fixture_finish(&f);
}

static const char *next_host(struct fixture *f)
{
    static char host[64];
    struct exchange *x = fixture_get(f, "/");
    struct exchange *up = exchange_mem_client_next(f->client);
    if (up == NULL)
        return "none";
    (void)snprintf(host, sizeof(host), "%.*s", STR_ARG(exchange_mem_request(up)->host));
    exchange_mem_reset(x, &(struct exchange_reset){.code = EXCHANGE_PEER_CLOSED});
    (void)exchange_mem_run(x);
    (void)exchange_mem_run(up);
    exchange_mem_destroy(x);
    f->request_count--;
    return host;
}

/* A change of a service is seen by its routes at once; equal URLs go on in turn. */
static void test_service_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    put_route(&f, "default", "r", "/", "GET");
    assert_string_equal(next_host(&f), "none");
    fixture_finish(&f);

    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://a','http://b','http://c']}");
    put_route(&f, "default", "r", "/", "GET");
    assert_string_equal(next_host(&f), "a");
    fixture_put(&f, MODEL_SERVICE,
                "{'name':'s','urls':['http://a','http://b','http://c'],'retries':1}");
    assert_string_equal(next_host(&f), "b");
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://x','http://y']}");
    assert_string_equal(next_host(&f), "x");
    /* The route was not touched by any of this, and survives its service. */
    drop(&f, MODEL_SERVICE, "default", "s");
    struct exchange *x = fixture_get(&f, "/");
    assert_error(x, 503, "the service of this route does not exist");
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://z']}");
    assert_string_equal(next_host(&f), "z");
    /* Another namespace's service of that name is another service. */
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','namespace':'n','urls':['http://n']}");
    assert_string_equal(next_host(&f), "z");
    fixture_finish(&f);
}

/* A request in flight keeps its service, also for its retries; new ones see the new one. */
static void test_live_change(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_put(&f, MODEL_SERVICE,
                "{'name':'s','urls':['http://old-1','http://old-2'],'retries':1}");
    put_route(&f, "default", "r", "/", "GET");
    struct exchange *old = fixture_get(&f, "/");
    struct exchange *up = fixture_up(&f);
    fixture_put(&f, MODEL_SERVICE, "{'name':'s','urls':['http://new']}");
    put_route(&f, "default", "r", "/", "GET");
    struct exchange *new = fixture_get(&f, "/");
    struct exchange *up_new = fixture_up(&f);
    assert_str(exchange_mem_request(up_new)->host, "new");
    catalog_clear(f.catalog);
    exchange_mem_reset(up, &(struct exchange_reset){.code = EXCHANGE_PEER_RESET});
    (void)exchange_mem_run(up);
    up = fixture_up(&f);
    assert_str(exchange_mem_request(up)->host, "old-2");
    fixture_reply(up, 200, "old");
    fixture_reply(up_new, 200, "new");
    (void)exchange_mem_run(old);
    (void)exchange_mem_run(new);
    assert_body(old, "old");
    assert_body(new, "new");
    fixture_finish(&f);
}

static void handle(struct script_exchange *x, struct script_outcome *o)
{
    (void)o;
    x->response_sent = true;
}

/* Programs are linked when first needed, shared by requests, and made again when one of their modules changed;
 * routes that do not use it keep theirs. */
static void test_programs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_HANDLER] = handle;
    fixture_put(&f, MODEL_ROUTE,
                "{'name':'a','paths':['/a'],'methods':['GET'],'modules':['one','two']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'b','paths':['/b'],'methods':['GET'],'modules':['two']}");
    fixture_put(&f, MODEL_ROUTE, "{'name':'c','paths':['/c'],'methods':['GET'],'modules':['one']}");
    static const struct {
        const char *put; /* a module that changes first */
        const char *path;
        unsigned status;
        unsigned links; /* so far */
    } rows[] = {
        {"one", "/a", 500, 0}, /* two is missing */
        {NULL, "/c", 200, 1},    {NULL, "/c", 200, 1},  {"two", "/a", 200, 2}, {NULL, "/b", 200, 3},
        {NULL, "/a", 200, 3},    {"one", "/b", 200, 3}, {NULL, "/a", 200, 4},  {NULL, "/c", 200, 5},
        {"other", "/a", 200, 5}, {"two", "/c", 200, 5}, {NULL, "/a", 200, 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[128];
        if (rows[i].put != NULL) {
            (void)snprintf(json, sizeof(json), "{'name':'%s','payload':'eA=='}", rows[i].put);
            fixture_put(&f, MODEL_MODULE, json);
        }
        struct exchange *x = fixture_get(&f, rows[i].path);
        (void)exchange_mem_run(x);
        if (fixture_status(x) != rows[i].status || fake_script.links != rows[i].links)
            fail_msg("row %zu: status %u, %u links", i, fixture_status(x), fake_script.links);
    }
    drop(&f, MODEL_MODULE, "default", "two");
    struct exchange *x = fixture_get(&f, "/a");
    assert_error(x, 500, "the modules of this route cannot be loaded");
    x = fixture_get(&f, "/c");
    (void)exchange_mem_run(x);
    assert_int_equal(fixture_status(x), 200);
    fixture_finish(&f);
}

/* Random changes and requests in flight: nothing is leaked or used after it is gone (sanitizers tell). */
static void test_churn(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t random = 7;
    fixture_init(&f, NULL);
    fake_script.functions[SCRIPT_REQUEST_MODIFIER] = handle;
    struct exchange *open = NULL;
    struct exchange *up = NULL;
    for (int i = 0; i < 3000; i++) {
        char json[256];
        char name[8];
        random = random * 1664525u + 1013904223u;
        unsigned which = (random >> 10) % 4;
        const char *ns = (random >> 12) % 2 == 0 ? "default" : "n";
        (void)snprintf(name, sizeof(name), "x%u", which);
        switch ((random >> 16) % 8) {
        case 0:
            (void)snprintf(json, sizeof(json),
                           "{'name':'%s','namespace':'%s','urls':['http://u%u']}", name, ns,
                           (random >> 20) % 3);
            fixture_put(&f, MODEL_SERVICE, json);
            break;
        case 1:
            (void)snprintf(json, sizeof(json), "{'name':'%s','namespace':'%s','payload':'eA=='}",
                           name, ns);
            fixture_put(&f, MODEL_MODULE, json);
            break;
        case 2:
        case 3:
            (void)snprintf(json, sizeof(json),
                           "{'name':'%s','namespace':'%s','paths':['/%u','/p/{a}'],"
                           "'methods':['GET'],'service':'x%u'%s}",
                           name, ns, which, (random >> 20) % 4,
                           (random >> 22) % 2 == 0 ? ",'modules':['x1','x2']" : "");
            fixture_put(&f, MODEL_ROUTE, json);
            break;
        case 4:
            drop(&f, (enum model_kind)((random >> 20) % MODEL_KIND_COUNT), ns, name);
            break;
        case 5:
            (void)snprintf(json, sizeof(json),
                           "{'name':'%s','namespace':'n','patterns':['n.example']}", name);
            fixture_put(&f, MODEL_DOMAIN, json);
            break;
        default:
            if (open != NULL) {
                if (up != NULL)
                    fixture_reply(up, 200, "ok");
                (void)exchange_mem_run(open);
                assert_true(open->done);
                exchange_mem_destroy(open);
                f.request_count--;
                open = NULL;
            } else {
                (void)snprintf(json, sizeof(json), "/%u", which);
                open = fixture_ask(
                    &f, &(struct ask){.target = json,
                                      .host = (random >> 20) % 2 == 0 ? "n.example" : "h"});
                up = exchange_mem_client_next(f.client);
            }
            break;
        }
    }
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),          cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_without_default), cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_service_changes), cmocka_unit_test(test_live_change),
        cmocka_unit_test(test_programs),        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
