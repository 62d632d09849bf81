#include "base/container.h"
#include "codec/json.h"
#include "config/config.h"
#include "testing.h"

enum { PATH_BYTES = 256 };

static char dir[PATH_BYTES / 2];

static void write_file(const char *name, struct str text, char path[PATH_BYTES])
{
    assert_true(snprintf(path, PATH_BYTES, "%s/%s", dir, name) < PATH_BYTES);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

struct outcome {
    struct config *c;
    struct err e;
    char *problems; /* "path: text" a line */
    char *warnings;
};

static char *joined_problems(const struct model_problems *ps)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < ps->n; i++)
        assert_true(buf_addf(&b, "%s: %s\n", ps->v[i].path, ps->v[i].text));
    return buf_take(&b, NULL);
}

static char *joined_warnings(const struct config_warnings *ws)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < ws->n; i++)
        assert_true(buf_addf(&b, "%s\n", ws->v[i].text));
    return buf_take(&b, NULL);
}

static struct outcome load_path(const char *path)
{
    struct outcome o = {0};
    struct model_problems ps = {0};
    struct config_warnings ws = {0};
    enum err_code rc = config_load(path, &o.c, &ws, &ps, &o.e);
    assert_int_equal(rc == ERR_OK, o.c != NULL);
    assert_int_equal(rc == ERR_OK, ps.n == 0);
    assert_int_equal(rc, o.e.code);
    o.problems = joined_problems(&ps);
    o.warnings = joined_warnings(&ws);
    model_problems_finish(&ps);
    config_warnings_finish(&ws);
    return o;
}

static struct outcome load(const char *name, const char *text)
{
    char path[PATH_BYTES];
    write_file(name, str_of(text), path);
    return load_path(path);
}

static void finish(struct outcome *o)
{
    config_destroy(o->c);
    free(o->problems);
    free(o->warnings);
    *o = (struct outcome){0};
}

static struct config *load_good(const char *text)
{
    struct outcome o = load("c.yaml", text);
    if (o.c == NULL)
        fail_msg("%s\ngives %s", text, o.problems);
    if (*o.warnings != '\0')
        fail_msg("%s\nwarns %s", text, o.warnings);
    struct config *c = o.c;
    o.c = NULL;
    finish(&o);
    return c;
}

static void expect_problem(const char *text, const char *problem)
{
    struct outcome o = load("c.yaml", text);
    if (o.c != NULL)
        fail_msg("%s\nis accepted", text);
    if (strstr(o.problems, problem) == NULL)
        fail_msg("%s\ngives   %s\nwithout %s", text, o.problems, problem);
    finish(&o);
}

static void expect_warning(const char *text, const char *warning)
{
    struct outcome o = load("c.yaml", text);
    if (o.c == NULL)
        fail_msg("%s\ngives %s", text, o.problems);
    if (strstr(o.warnings, warning) == NULL)
        fail_msg("%s\nwarns   %s\nwithout %s", text, o.warnings, warning);
    finish(&o);
}

static void test_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "", "# nothing\n", "version: v1\n",
                                        "proxy:\nadmin:\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct outcome o = texts[i] == NULL ? load_path(NULL) : load("c.yaml", texts[i]);
        assert_non_null(o.c);
        const struct config *c = o.c;
        assert_int_equal(c->file == NULL, texts[i] == NULL);
        assert_string_equal(c->version, "v1");
        assert_int_equal(c->log_level, LOG_INFO);
        assert_int_equal(c->storage, CONFIG_STORAGE_FILE);
        assert_string_equal(c->storage_dir, ".dgate/data");
        assert_string_equal(c->proxy.host, "0.0.0.0");
        assert_int_equal(c->proxy.port, 80);
        assert_int_equal(c->proxy.console_log_level, LOG_INFO);
        assert_true(c->admin.enabled);
        assert_string_equal(c->admin.host, "127.0.0.1");
        assert_int_equal(c->admin.port, 9080);
        assert_int_equal(c->admin.x_forwarded_for_depth, -1);
        assert_string_equal(c->admin.key_header, "X-DGate-Key");
        assert_false(c->test_server.enabled);
        assert_int_equal(c->test_server.port, 8888);
        assert_int_equal(c->limits.header_fields_max, 100);
        assert_int_equal(c->limits.confirm_timeout_ms, 250);
        assert_true(json_is_null(c->init_resources));
        finish(&o);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct config *c = load_good("version: v1\n"
                                 "log_level: WARN\n"
                                 "log_json: true\n"
                                 "tags: [a, \"b\"]\n"
                                 "workers: \"2\"\n"
                                 "disable_metrics: true\n"
                                 "storage: {type: memory, dir: x/y//}\n"
                                 "proxy:\n"
                                 "  host: \"[::]\"\n"
                                 "  port: \"8080\"\n"
                                 "  console_log_level: debug\n"
                                 "  global_headers: {X-A: \"1\", X-B: b c}\n"
                                 "  merge_slashes: \"true\"\n"
                                 "  rate_limit: {requests: 10, period: 1m, burst: 20}\n"
                                 "  max_connections_per_client: 3\n"
                                 "  max_requests_per_client: 4\n"
                                 "admin:\n"
                                 "  host: 0.0.0.0\n"
                                 "  allow_list: [10.0.0.0/8, \"::1\"]\n"
                                 "  auth_method: basic\n"
                                 "  basic_auth: {users: [{username: u, password: \"p:1\"}]}\n"
                                 "test_server: {}\n"
                                 "limits:\n"
                                 "  header_timeout_ms: 5s\n"
                                 "  connect_timeout_ms: 1500\n"
                                 "  request_timeout_ms: \"2500\"\n");
    assert_int_equal(c->log_level, LOG_WARN);
    assert_true(c->log_json);
    assert_int_equal(c->tags.n, 2);
    assert_int_equal(c->workers, 2);
    assert_int_equal(c->storage, CONFIG_STORAGE_MEMORY);
    assert_string_equal(c->storage_dir, "x/y");
    assert_string_equal(c->proxy.host, "::");
    assert_int_equal(c->proxy.port, 8080);
    assert_int_equal(c->proxy.console_log_level, LOG_DEBUG);
    assert_int_equal(c->proxy.global_headers.n, 2);
    assert_string_equal(c->proxy.global_headers.v[1].name, "X-B");
    assert_string_equal(c->proxy.global_headers.v[1].value, "b c");
    assert_true(c->proxy.merge_slashes);
    assert_int_equal(c->proxy.rate_limit.requests, 10);
    assert_int_equal(c->proxy.rate_limit.period_ms, 60000);
    assert_int_equal(c->proxy.rate_limit.burst, 20);
    assert_int_equal(c->proxy.max_connections_per_client, 3);
    assert_int_equal(c->proxy.max_requests_per_client, 4);
    assert_true(c->disable_metrics);
    assert_int_equal(c->admin.auth, CONFIG_AUTH_BASIC);
    assert_string_equal(c->admin.users.v[0].password, "p:1");
    assert_int_equal(c->admin.allow_list.n, 2);
    assert_true(c->test_server.enabled);
    assert_int_equal(c->limits.header_timeout_ms, 5000);
    assert_int_equal(c->limits.connect_timeout_ms, 1500);
    assert_int_equal(c->limits.request_timeout_ms, 2500);
    config_destroy(c);
}

static void test_levels_follow_each_other(void **state)
{
    (void)state;
    struct config *c = load_good("debug: true\n");
    assert_int_equal(c->log_level, LOG_DEBUG);
    assert_int_equal(c->proxy.console_log_level, LOG_DEBUG);
    config_destroy(c);
    c = load_good("debug: true\nlog_level: error\n");
    assert_int_equal(c->log_level, LOG_ERROR);
    assert_int_equal(c->proxy.console_log_level, LOG_ERROR);
    config_destroy(c);
}

static void test_harmless_values_of_later_keys(void **state)
{
    (void)state;
    config_destroy(load_good("log_color: false\nnode_id: \"\"\n"
                             "proxy: {enable_h2c: false, enable_http2: false, redirect_https: [],\n"
                             "  strict_mode: false, x_forwarded_for_depth: 0, tls: {},\n"
                             "  client_transport: {disable_private_ips: false, dns_server: \"\",\n"
                             "    max_idle_conns: 0}}\n"
                             "admin: {watch_only: false, tls: null}\n"
                             "test_server: {enable_h2c: false}\n"
                             "cluster: {enabled: false}\n"));
}

static void test_wrong_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } rows[] = {
        {"[1]", "c.yaml:1: expected a map of keys, got a list"},
        {"just text", "expected a map of keys, got a string"},
        {"version: v2", "c.yaml:1: version: must be v1"},
        {"version: 1", "version: expected a string, got an integer; put it in quotes"},
        {"\n\nlog_level: loud", "c.yaml:3: log_level: must be one of debug, info, warn, error"},
        {"log_level: 3", "log_level: must be one of"},
        {"log_json: maybe", "log_json: expected true or false, got a string"},
        {"log_color: true", "log_color: coloured logs are not part of this version"},
        {"Logger: {level: 1}", "Logger.level: use log_level"},
        {"node_id: n1", "node_id: clusters are not part of this version"},
        {"tags: a", "tags: expected a list, got a string"},
        {"tags: [a, 1]", "c.yaml:1: tags[1]: expected a string, got an integer; put it in quotes"},
        {"tags: [\"a b\"]", "tags[0]: must be printable ASCII without spaces and commas"},
        {"debug: 7", "debug: expected true or false, got an integer"},
        {"workers: -1", "workers: must be 0 to 256"},
        {"workers: 1.5", "workers: expected an integer, got a number with a fraction"},
        {"disable_metrics: x", "disable_metrics: expected true or false"},
        {"storage: file", "storage: expected a map, got a string"},
        {"storage: {type: redis}", "storage.type: must be one of file, memory"},
        {"storage: {dir: 5}", "storage.dir: expected a string"},
        {"storage: {dir: \"\"}", "storage.dir: must not be empty"},
        {"proxy: 5", "proxy: expected a map, got an integer"},
        {"proxy: {host: example.com}", "proxy.host: must be an IP address or localhost"},
        {"proxy:\n  port: 65536", "c.yaml:2: proxy.port: must be 0 to 65535"},
        {"proxy: {port: \"80x\"}", "proxy.port: expected an integer, got a string"},
        {"proxy: {port: [80]}", "proxy.port: expected an integer, got a list"},
        {"proxy: {console_log_level: x}", "proxy.console_log_level: must be one of"},
        {"proxy: {global_headers: [a]}", "expected a map of header names to values, got a list"},
        {"proxy: {global_headers: {\"X A\": b}}", "X A: is not the name of a header field"},
        {"proxy: {global_headers: {content-length: \"1\"}}", "is set by the gateway itself"},
        {"proxy: {global_headers: {X-A: 1}}", "global_headers.X-A: expected a string, got an int"},
        {"proxy: {global_headers: {X-A: \"a\\r\\nB: c\"}}", "must not contain control characters"},
        {"proxy: {rate_limit: 5}", "proxy.rate_limit: expected a map, got an integer"},
        {"proxy: {rate_limit: {requests: -1}}", "proxy.rate_limit.requests: must be 0 to 1000000"},
        {"proxy: {rate_limit: {requests: 1, period: 10ms}}",
         "period: must be 1000ms to 86400000ms"},
        {"proxy: {rate_limit: {burst: 5}}",
         "proxy.rate_limit.burst: has no effect without proxy.rate_limit.requests"},
        {"proxy: {rate_limit: {period: 2s}}",
         "proxy.rate_limit.period: has no effect without proxy.rate_limit.requests"},
        {"proxy: {rate_limit: {requests: 1, period: 24h, burst: 60000}}",
         "proxy.rate_limit.burst: must be at most 53375 with so few requests per period"},
        {"proxy: {max_connections_per_client: -1}",
         "max_connections_per_client: must be 0 to 1048576"},
        {"proxy: {max_requests_per_client: x}", "max_requests_per_client: expected an integer"},
        {"proxy: {tls: {port: 443}}", "proxy.tls.port: TLS listeners are not part of this version"},
        {"proxy: {enable_h2c: true}", "proxy.enable_h2c: HTTP/2 is not part of this version"},
        {"proxy: {enable_http2: true}", "proxy.enable_http2: HTTP/2 is not part"},
        {"proxy: {x_forwarded_for_depth: -1}", "proxy.x_forwarded_for_depth: must be 0 to 100"},
        {"proxy: {proxy_protocol: v2}", "proxy.proxy_protocol: must be one of off, on"},
        {"proxy: {access_log: combined}", "proxy.access_log: must be one of off, text, json"},
        {"proxy: {allow_list: [a]}", "proxy.allow_list[0]: must be an IP address or a block"},
        {"proxy: {allowed_domains: [\"a b\"]}",
         "proxy.allowed_domains[0]: must not contain spaces"},
        {"proxy:\n  allowed_domains:\n    - a.test\n    - /(/\n",
         "c.yaml:4: proxy.allowed_domains[1]: "},
        {"proxy: {redirect_https: [\"\"]}", "proxy.redirect_https[0]: must not be empty"},
        {"proxy: {strict_mode: maybe}", "proxy.strict_mode: expected true or false"},
        {"proxy:\n  client_transport:\n    dns_server: a",
         "c.yaml:3: proxy.client_transport.dns_server: this setting of the upstream client is not"},
        {"admin: false", "admin: expected a map, got a boolean"},
        {"admin: {port: -1}", "admin.port: must be 0 to 65535"},
        {"admin: {allow_list: [10.0.0.0/33]}", "admin.allow_list[0]: the prefix length must be"},
        {"admin: {allow_list: [x]}", "admin.allow_list[0]: must be an IP address or a block"},
        {"admin: {x_forwarded_for_depth: -2}", "admin.x_forwarded_for_depth: must be -1 to 100"},
        {"admin: {auth_method: jwt}", "admin.auth_method: must be one of none, basic, key"},
        {"admin: {auth_method: basic}", "basic needs admin.basic_auth.users"},
        {"admin: {auth_method: key}", "key needs admin.key_auth.keys"},
        {"admin: {basic_auth: {users: [{username: a, password: b}]}}",
         "admin.basic_auth: has no effect without admin.auth_method: basic"},
        {"admin: {key_auth: {keys: [a]}}", "has no effect without admin.auth_method: key"},
        {"admin: {key_auth: {key: a}}", "admin.key_auth.key: list the keys under"},
        {"admin: {auth_method: key, key_auth: {keys: [\"\"]}}", "admin.key_auth.keys[0]: must not"},
        {"admin: {auth_method: key, key_auth: {keys: [a], header_name: b, query_param_name: c}}",
         "only one of header_name and query_param_name can be set"},
        {"admin: {auth_method: key, key_auth: {keys: [a], header_name: \"b c\"}}",
         "header_name: is not the name of a header field"},
        {"admin: {auth_method: basic, basic_auth: {users: [{username: a}, b]}}",
         "admin.basic_auth.users[0].password: is required"},
        {"admin: {auth_method: basic, basic_auth: {users: [{username: a}, b]}}",
         "admin.basic_auth.users[1]: expected a map with username and password"},
        {"admin: {auth_method: basic, basic_auth: {users: [{username: a, password: b}, "
         "{username: a, password: c}]}}",
         "admin.basic_auth.users[1]: the username is listed twice"},
        {"admin: {auth_method: basic, basic_auth: {users: [{username: \"a:b\", password: b}]}}",
         "a username must not contain ':'"},
        {"admin: {jwt_auth: {secret: a}}", "admin.jwt_auth.secret: JWT authentication is not"},
        {"admin: {tls: {port: 1}}", "admin.tls.port: TLS listeners are not"},
        {"admin: {watch_only: true}", "admin.watch_only: clusters are not"},
        {"admin: {replication: {id: a}}", "admin.replication.id: clusters are not"},
        {"admin:\n  host: 0.0.0.0", "c.yaml:2: admin.host: other machines could change everything"},
        {"admin: {host: \"::\", auth_method: none}", "admin.host: other machines could"},
        {"test_server: true", "test_server: expected a map, got a boolean"},
        {"test_server: {enable_http2: true}", "test_server.enable_http2: HTTP/2 is not"},
        {"cluster: {enabled: true}", "cluster.enabled: clusters are not part of this version"},
        {"limits: {header_max: 10}", "limits.header_max: must be 1024 to 1048576"},
        {"limits: {header_timeout_ms: -1s}", "limits.header_timeout_ms: must be 100ms to"},
        {"limits: {header_timeout_ms: soon}",
         "limits.header_timeout_ms: expected milliseconds, or"},
        {"limits: {header_timeout_ms: 9223372036854775807}", "limits.header_timeout_ms: expected"},
        {"a: b: c", "c.yaml:1: "},
        {"a: [1\nb: 2", "c.yaml:2: "},
        {"a: 1\na: 2", "c.yaml:2: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_problem(rows[i].text, rows[i].problem);
}

static void test_all_problems_at_once(void **state)
{
    (void)state;
    struct outcome o = load("c.yaml", "workers: -1\nproxy: {port: x}\nadmin: {port: 70000}\n"
                                      "a: ${NOT_SET_ANYWHERE}\n");
    assert_null(o.c);
    assert_non_null(strstr(o.problems, "workers: must be"));
    assert_non_null(strstr(o.problems, "proxy.port: expected"));
    assert_non_null(strstr(o.problems, "admin.port: must be"));
    assert_non_null(strstr(o.problems, "c.yaml:4: a: environment variable NOT_SET_ANYWHERE"));
    assert_non_null(strstr(o.e.msg, "(and 3 more)"));
    assert_non_null(strstr(o.warnings, "c.yaml:4: a: unknown key"));
    finish(&o);
}

static void test_unknown_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *warning;
    } rows[] = {
        {"prxy: {}", "c.yaml:1: prxy: unknown key; did you mean proxy?"},
        {"proxy:\n  prot: 1", "c.yaml:2: proxy.prot: unknown key; did you mean port?"},
        {"init_resources: {}", "init_resources: unknown key; did you mean proxy.init_resources?"},
        {"colour: red", "colour: unknown key\n"},
        {"\"a.b\": 1", "a.b: unknown key"},
        {"proxy: {init_resources: {route: []}}", "init_resources.route: unknown key; did you mean "
                                                 "routes?"},
        {"admin: {auth_method: basic, basic_auth: {users: [{username: a, password: b, role: c}]}}",
         "users[0].role: unknown key; a user has username and password"},
        {"storage: {dir: \"$(date)\"}", "storage.dir: \"$(...)\" is taken as it is: commands are"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_warning(rows[i].text, rows[i].warning);
}

static void test_variables(void **state)
{
    (void)state;
    assert_int_equal(setenv("CONFIG_TEST_PORT", "1234", 1), 0);
    assert_int_equal(setenv("CONFIG_TEST_EVIL", "x\nadmin: {port: 1}", 1), 0);
    assert_int_equal(setenv("CONFIG_TEST_EMPTY", "", 1), 0);
    struct config *c = load_good("proxy: {port: \"${CONFIG_TEST_PORT}\"}\n"
                                 "admin:\n  port: ${CONFIG_TEST_PORT}\n"
                                 "workers: ${CONFIG_TEST_EMPTY:-3}\n"
                                 "storage: {dir: \"a$${b}\"}\n");
    assert_int_equal(c->proxy.port, 1234);
    assert_int_equal(c->admin.port, 1234);
    assert_int_equal(c->workers, 3);
    assert_string_equal(c->storage_dir, "a${b}");
    config_destroy(c);

    c = load_good("storage:\n  dir: ${CONFIG_TEST_EVIL}\n");
    assert_string_equal(c->storage_dir, "x\nadmin: {port: 1}");
    assert_int_equal(c->admin.port, 9080);
    config_destroy(c);

    expect_problem("a:\n  - b: ${CONFIG_TEST_UNSET}",
                   "c.yaml:2: a[0].b: environment variable CONFIG_TEST_UNSET is not set");
    assert_int_equal(setenv("DG_DISABLE_ENV_PARSER", "yes", 1), 0);
    c = load_good("storage: {dir: \"${CONFIG_TEST_UNSET}\"}");
    assert_string_equal(c->storage_dir, "${CONFIG_TEST_UNSET}");
    config_destroy(c);
    assert_int_equal(unsetenv("DG_DISABLE_ENV_PARSER"), 0);
}

static void test_formats(void **state)
{
    (void)state;
    struct outcome o = load("c.json", "{\"proxy\":{\"port\":\"${CONFIG_TEST_UNSET:-81}\"},\n"
                                      "\t\"tags\":[\"a\"]}\n");
    assert_string_equal(o.problems, "");
    assert_int_equal(o.c->proxy.port, 81);
    finish(&o);

    o = load("c.json", "{\"proxy\":\n{\"port\":-1}}");
    assert_non_null(strstr(o.problems, "c.json:2: proxy.port: must be"));
    finish(&o);
    o = load("c.json", "proxy: {}");
    assert_non_null(strstr(o.problems, "c.json:1: "));
    finish(&o);
    o = load("c.json", "{\"version\":\n\n}");
    assert_non_null(strstr(o.problems, "c.json:3: "));
    finish(&o);
    o = load("c.toml", "version = \"v1\"");
    assert_non_null(strstr(o.problems, "TOML is not read; convert the file: python3"));
    finish(&o);
    o = load("c.conf", "version: v1");
    assert_non_null(strstr(o.problems, "is it YAML or JSON?"));
    finish(&o);
    assert_int_equal(setenv("DG_CONFIG_TYPE", "yml", 1), 0);
    o = load("c.conf", "version: v1");
    assert_non_null(o.c);
    finish(&o);
    assert_int_equal(unsetenv("DG_CONFIG_TYPE"), 0);
    o = load_path("/nonexistent/c.yaml");
    assert_string_equal(o.e.msg, "cannot read /nonexistent/c.yaml: No such file or directory");
    finish(&o);
}

static void test_data_in_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("DG_CONFIG_DATA", "d29ya2\nVyczogNw==\n", 1), 0);
    struct outcome o = load_path(NULL);
    assert_non_null(o.c);
    assert_int_equal(o.c->workers, 7);
    assert_string_equal(o.c->file, "$DG_CONFIG_DATA");
    finish(&o);
    assert_int_equal(setenv("DG_CONFIG_DATA", "!", 1), 0);
    o = load_path(NULL);
    assert_string_equal(o.e.msg, "$DG_CONFIG_DATA: is not base64");
    finish(&o);
    assert_int_equal(unsetenv("DG_CONFIG_DATA"), 0);
}

static void test_resources(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    write_file("m.ts", STR("let a = `${b}`;\n"), path);
    struct config *c =
        load_good("proxy:\n"
                  "  init_resources:\n"
                  "    skip_validation: false\n"
                  "    namespaces: [{name: default}]\n"
                  "    modules:\n"
                  "      - {name: a, payloadFile: m.ts}\n"
                  "      - {name: b, payload_file: ./m.ts, moduleType: js}\n"
                  "      - {name: c, payloadRaw: \"${NOT_A_VARIABLE} $(x)\"}\n"
                  "      - {name: d, payload: YWJj}\n"
                  "    documents: [{id: \"1\", namespaceName: n, collectionname: c, data: [1]}]\n"
                  "    secrets: []\n"
                  "    routes:\n");
    json_t *modules = json_object_get(c->init_resources, "modules");
    assert_int_equal(json_array_size(modules), 4);
    for (size_t i = 0; i < 2; i++) {
        json_t *m = json_array_get(modules, i);
        assert_string_equal(json_string_value(json_object_get(m, "payloadRaw")),
                            "let a = `${b}`;\n");
        assert_null(json_object_get(m, "payloadFile"));
        assert_null(json_object_get(m, "payload_file"));
    }
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(modules, 2), "payloadRaw")),
        "${NOT_A_VARIABLE} $(x)");
    config_destroy(c);
}

static void test_wrong_resources(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    write_file("empty.ts", STR(""), path);
    write_file("binary.ts", STR("\xff\xfe"), path);
    static const struct {
        const char *text;
        const char *problem;
    } rows[] = {
        {"[]", "proxy.init_resources: expected a map of lists, got a list"},
        {"{skip_validation: true}", "skip_validation: resources are always validated"},
        {"{routes: {}}", "proxy.init_resources.routes: expected a list, got an object"},
        {"{routes: [5]}", "routes[0]: expected an object, got an integer"},
        {"{routes:\n    [{name: r, paths: [/a,\n     b], methods: [GET]}]}",
         "c.yaml:4: proxy.init_resources.routes[0].paths[1]: must begin with '/'"},
        {"{routes: [{name: r, pathz: []}]}", "routes[0].pathz: unknown field; did you mean paths?"},
        {"{routes: [{name: r, pathz: []}]}", "routes[0].paths: is required"},
        {"{services: [{name: s, urls: [\"https://a\"]}]}",
         "services[0].urls[0]: https upstreams come with a later version"},
        {"{services: [{name: s, urls: [\"http://a\"]},\n {name: s, urls: [\"http://b\"]}]}",
         "c.yaml:3: proxy.init_resources.services[1]: service default/s is there already at "},
        {"{modules: [{name: m}]}", "modules[0].payload: is required"},
        {"{modules: [{name: m, payloadFile: none.ts}]}", "none.ts: No such file or directory"},
        {"{modules: [{name: m, payloadFile: empty.ts}]}", "empty.ts is empty"},
        {"{modules: [{name: m, payloadFile: binary.ts}]}", "binary.ts is not UTF-8 text"},
        {"{modules: [{name: m, payloadFile: .}]}", "modules[0].payloadFile: cannot read "},
        {"{modules: [{name: m, payload_file: 5}]}", "payload_file: expected the path of a file"},
        {"{modules: [{name: m, payloadFile: empty.ts, payload: a}]}",
         "payloadFile: must not be given together with payload"},
        {"{modules: [{name: m, payload: a, payloadRaw: b}]}",
         "payloadRaw: must not be given together with payload"},
        {"{domains: [{name: d, patterns: [a], cert_file: a.pem}]}",
         "domains[0].certFile: TLS certificates come with a later version"},
        {"{documents: [{id: \"1\", collection: c}]}", "documents[0].data: is required"},
        {"{secrets: [{name: s, data: 123}]}", "data: expected a string, got an integer; put it in"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        assert_true(snprintf(text, sizeof(text), "proxy:\n  init_resources: %s\n", rows[i].text) <
                    512);
        expect_problem(text, rows[i].problem);
    }
    expect_problem("disable_default_namespace: true\n"
                   "proxy: {init_resources: {routes: [{name: r}]}}",
                   "routes[0].namespace: is required");
}

static void test_the_example(void **state)
{
    (void)state;
    struct outcome o = load_path("config.dgate.yaml");
    assert_string_equal(o.problems, "");
    assert_string_equal(o.warnings, "");
    assert_int_equal(json_array_size(json_object_get(o.c->init_resources, "routes")), 2);
    finish(&o);
}

static int make_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"DG_CONFIG_TYPE", "DG_CONFIG_DATA", "DG_CONFIG_PATH",
                                        "DG_DISABLE_ENV_PARSER"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unsetenv(names[i]);
    (void)snprintf(dir, sizeof(dir), "%s/dgate-config-XXXXXX",
                   getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"c.yaml", "c.json",   "c.toml",   "c.conf",
                                        "m.ts",   "empty.ts", "binary.ts"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[PATH_BYTES + 16];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_levels_follow_each_other),
        cmocka_unit_test(test_harmless_values_of_later_keys),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_all_problems_at_once),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_data_in_the_environment),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_wrong_resources),
        cmocka_unit_test(test_the_example),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
