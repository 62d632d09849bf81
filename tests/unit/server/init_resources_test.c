#include <sys/mman.h>

#include "server/init_resources.h"
#include "server/state.h"

static struct state world;

/* What was logged, and what the application ended with. */
struct applied {
    int calls;
    enum err_code code;
    char text[ERR_MESSAGE_MAX];
    char log[8192];
};

static int setup(void **state)
{
    (void)peer_loop_setup(state);
    state_init(&world);
    return 0;
}

static int teardown(void **state)
{
    state_finish(&world);
    return peer_loop_teardown(state);
}

static void on_done(void *user, const struct err *e)
{
    struct applied *a = user;
    a->calls++;
    a->code = e != NULL ? e->code : ERR_OK;
    (void)snprintf(a->text, sizeof(a->text), "%s", e != NULL ? e->msg : "");
}

/* Standard output goes to a file of the memory between these two. */
static int log_begin(int *kept)
{
    const int fd = memfd_create("log", MFD_CLOEXEC);
    (void)fflush(stdout);
    *kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0 && *kept >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    log_configure(&(struct log_setup){.level = LOG_ERROR});
    return fd;
}

static void log_end(int fd, int kept, char *text, size_t size)
{
    log_configure(&(struct log_setup){.level = LOG_OFF});
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    const ssize_t n = pread(fd, text, size - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    (void)close(kept);
    (void)close(fd);
}

/* One start with these init_resources, written with ' for ". */
static void start_with(struct applied *a, const char *resources, bool no_default)
{
    char text[4096];
    struct err e = {0};
    int kept = -1;
    (void)snprintf(text, sizeof(text), "%s", resources);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *json = json_text_parse(str_of(text), &e);
    if (json == NULL)
        fail_msg("%s: %s", text, e.msg);
    const struct config config = {.file = (char[]){"c.yaml"},
                                  .disable_default_namespace = no_default,
                                  .init_resources = json};
    *a = (struct applied){0};
    const int fd = log_begin(&kept);
    init_resources_apply(world.sink, world.store, &config, on_done, a);
    until(a->calls > 0);
    log_end(fd, kept, a->log, sizeof(a->log));
    assert_int_equal(a->calls, 1);
    json_decref(json);
}

/* One that succeeds and comes to that revision. */
static void start(const char *resources, uint64_t revision)
{
    struct applied a;
    struct engine_status status = {0};
    start_with(&a, resources, false);
    if (a.code != ERR_OK)
        fail_msg("%s: %s\n%s", resources, a.text, a.log);
    engine_status_get(world.engine, &status);
    assert_int_equal(status.revision, revision);
}

/* One that is refused, with every text in the log and in the state nothing. */
static void start_refused(const char *resources, bool no_default, const char *const *texts,
                          size_t count)
{
    struct applied a;
    struct engine_status before = {0};
    struct engine_status after = {0};
    engine_status_get(world.engine, &before);
    start_with(&a, resources, no_default);
    engine_status_get(world.engine, &after);
    assert_int_equal(a.code, ERR_INVALID);
    assert_int_equal(after.revision, before.revision);
    for (size_t i = 0; i < count; i++) {
        if (strstr(a.log, texts[i]) == NULL)
            fail_msg("\"%s\" is not in: %s", texts[i], a.log);
    }
}

/* The stored form contains the text, or is absent when that is NULL. */
static void assert_stored(enum model_kind kind, const char *name, const char *text)
{
    struct store_read *read = NULL;
    struct err e = {0};
    struct buf key;
    struct str value = {0};
    buf_init(&key, STORE_KEY_MAX);
    const struct model_ref ref = {.kind = kind,
                                  .ns = kind == MODEL_NAMESPACE ? STR("") : STR("default"),
                                  .collection = kind == MODEL_DOCUMENT ? STR("c") : STR(""),
                                  .name = str_of(name)};
    assert_true(model_key(&key, &ref));
    assert_int_equal(store_read_begin(world.store, &read, &e), ERR_OK);
    const bool found = store_get(read, kind == MODEL_DOCUMENT ? STORE_DOCUMENTS : STORE_RESOURCES,
                                 buf_str(&key), &value);
    if (found != (text != NULL) || (found && !str_contains(store_value_json(value), str_of(text))))
        fail_msg("%s: %.*s", name, STR_ARG(store_value_json(value)));
    store_read_end(read);
    buf_finish(&key);
}

static void test_the_first_start(void **state)
{
    (void)state;
    start("null", 1);
    assert_stored(MODEL_NAMESPACE, "default", "\"tags\":[\"default\"]");
    start("null", 1);
}

/* It stays as it is made: by an entry, or by somebody before. */
static void test_the_default_namespace_of_others(void **state)
{
    (void)state;
    struct applied a;
    start_with(&a, "null", true);
    assert_int_equal(a.code, ERR_OK);
    assert_stored(MODEL_NAMESPACE, "default", NULL);
    state_put(&world, MODEL_NAMESPACE, "{'name':'default','tags':['mine']}");
    start("null", 1);
    start("{'services':[{'name':'s','urls':['http://a']}]}", 2);
    assert_stored(MODEL_NAMESPACE, "default", "\"tags\":[\"mine\"]");
    start("{'namespaces':[{'name':'default','tags':['file']}]}", 3);
    assert_stored(MODEL_NAMESPACE, "default", "\"tags\":[\"file\"]");
}

static void test_an_entry_for_the_default_namespace(void **state)
{
    (void)state;
    start("{'namespaces':[{'name':'default','tags':['file']}]}", 1);
    start("null", 1);
    assert_stored(MODEL_NAMESPACE, "default", "\"tags\":[\"file\"]");
}

/* All kinds at once, whatever their order, as one change. */
static void test_entries_refer_to_each_other(void **state)
{
    (void)state;
    static const char all[] =
        "{'documents':[{'id':'d','CollectionName':'c','data':{'n':1}}],"
        "'domains':[{'name':'example','patterns':['example.com']}],"
        "'routes':[{'name':'r','paths':['/'],'methods':['GET'],'service':'s'}],"
        "'services':[{'name':'s','urls':['http://a']}],"
        "'secrets':[{'name':'x','data':'y'}],"
        "'collections':[{'name':'c'}]}";
    start(all, 1);
    assert_stored(MODEL_NAMESPACE, "default", "default");
    assert_stored(MODEL_ROUTE, "r", "\"service\":\"s\"");
    assert_stored(MODEL_DOCUMENT, "d", "\"n\":1");
    assert_stored(MODEL_DOMAIN, "example", "example.com");
    assert_stored(MODEL_SECRET, "x", "y");
    start(all, 1);
}

static void test_new_and_changed_entries(void **state)
{
    (void)state;
    start("{'services':[{'name':'s','urls':['http://a']}]}", 1);
    start("{'services':[{'name':'s','urls':['http://a']},{'name':'t','urls':['http://t']}]}", 2);
    assert_stored(MODEL_SERVICE, "t", "http://t");
    start("{'services':[{'name':'s','urls':['http://b']},{'name':'t','urls':['http://t']}]}", 3);
    assert_stored(MODEL_SERVICE, "s", "http://b");
    /* What was applied before the last time is a change like any other; what is not listed stays. */
    start("{'services':[{'name':'s','urls':['http://a']}]}", 4);
    assert_stored(MODEL_SERVICE, "s", "http://a");
    assert_stored(MODEL_SERVICE, "t", "http://t");
}

/* Changed, or deleted: it is left alone until its text in the file differs. */
static void test_what_others_changed_since(void **state)
{
    (void)state;
    struct state_answer a;
    static const char file[] =
        "{'services':[{'name':'s','urls':['http://a']},{'name':'t','urls':['http://a']}]}";
    start(file, 1);
    state_put(&world, MODEL_SERVICE, "{'name':'s','urls':['http://admin']}");
    state_submit_delete(&world, &a, MODEL_SERVICE, "t");
    until(a.calls == 1);
    start(file, 3);
    assert_stored(MODEL_SERVICE, "s", "http://admin");
    assert_stored(MODEL_SERVICE, "t", NULL);
    start("{'services':[{'name':'s','urls':['http://a']},{'name':'t','urls':['http://b']}]}", 4);
    assert_stored(MODEL_SERVICE, "s", "http://admin");
    assert_stored(MODEL_SERVICE, "t", "http://b");
}

static void test_problems_of_entries(void **state)
{
    (void)state;
    static const char *const texts[] = {"c.yaml: proxy.init_resources.namespaces[1].name: ",
                                        "c.yaml: proxy.init_resources.services[0].urls[0]: ",
                                        "c.yaml: proxy.init_resources.routes[1].paths[0]: "};
    static const char *const required[] = {"c.yaml: proxy.init_resources.services[0].namespace: "};
    start_refused("{'namespaces':[{'name':'made'},{'name':''}],"
                  "'services':[{'name':'s','urls':['a']}],"
                  "'routes':[{'name':'q','paths':['/q'],'methods':['GET']},"
                  "{'name':'r','paths':['x'],'methods':['GET']}]}",
                  false, texts, ARRAY_LEN(texts));
    assert_stored(MODEL_NAMESPACE, "made", NULL);
    assert_stored(MODEL_NAMESPACE, "default", NULL);
    start_refused("{'services':[{'name':'s','urls':['http://a']}]}", true, required, 1);
}

/* Each is right by itself. What was refused counts as never applied. */
static void test_problems_between_entries(void **state)
{
    (void)state;
    static const char *const texts[] = {"proxy.init_resources.routes[0].service: ",
                                        "proxy.init_resources.documents[0].collection: "};
    start_refused("{'namespaces':[{'name':'made'}],"
                  "'routes':[{'name':'r','paths':['/'],'methods':['GET'],'service':'absent'}],"
                  "'documents':[{'id':'d','collection':'absent','data':1}]}",
                  false, texts, ARRAY_LEN(texts));
    assert_stored(MODEL_NAMESPACE, "made", NULL);
    assert_stored(MODEL_NAMESPACE, "default", NULL);
    start("{'namespaces':[{'name':'made'}]}", 1);
    assert_stored(MODEL_NAMESPACE, "made", "made");
    assert_stored(MODEL_NAMESPACE, "default", "default");
}

/* More than one proposal may hold. */
static void test_many_entries(void **state)
{
    (void)state;
    enum { COUNT = 250 };
    static char text[COUNT * 16];
    struct engine_status first = {0};
    struct engine_status second = {0};
    struct applied a;
    size_t n = (size_t)snprintf(text, sizeof(text), "{'collections':[");
    for (int i = 0; i < COUNT; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s{'name':'%d'}", i > 0 ? "," : "", i);
    (void)snprintf(text + n, sizeof(text) - n, "]}");
    assert_true(n + 2 < 4096);
    start_with(&a, text, false);
    assert_int_equal(a.code, ERR_OK);
    engine_status_get(world.engine, &first);
    assert_true(first.revision > 2);
    assert_stored(MODEL_COLLECTION, "0", "0");
    assert_stored(MODEL_COLLECTION, "249", "249");
    start_with(&a, text, false);
    engine_status_get(world.engine, &second);
    assert_int_equal(second.revision, first.revision);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_the_first_start),
        T(test_the_default_namespace_of_others),
        T(test_an_entry_for_the_default_namespace),
        T(test_entries_refer_to_each_other),
        T(test_new_and_changed_entries),
        T(test_what_others_changed_since),
        T(test_problems_of_entries),
        T(test_problems_between_entries),
        T(test_many_entries),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
