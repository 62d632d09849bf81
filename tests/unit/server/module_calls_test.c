/* Calls come as they do from workers: over a link, of which the test plays the other end. */
#include "io/ipc.h"
#include "script/script.h"
#include "server/messages.h"
#include "server/module_calls.h"
#include "server/state.h"

struct world {
    struct state state;
    struct launch launch;
    struct pages *pages;
    int listen_fd;
    struct links *links;
    struct ipc *worker;
    bool welcomed;
    int taken;    /* calls that control got */
    int answered; /* and their answers */
    uint64_t id;  /* of the last of them */
    uint64_t code;
    char text[ERR_MESSAGE_MAX];
};

static void on_call(void *user, struct links_call *call, uint64_t op, struct str ns,
                    struct str module, struct str args)
{
    struct world *w = user;
    w->taken++;
    module_calls_run(w->state.sink, call, op, ns, module, args);
}

static void on_message(void *user, uint8_t type, struct str payload)
{
    struct world *w = user;
    struct ipc_reader in = {.rest = payload};
    if (type == MESSAGE_WELCOME) {
        w->welcomed = true;
        return;
    }
    assert_int_equal(type, MESSAGE_REPLY);
    w->id = ipc_read_u64(&in);
    w->code = ipc_read_u64(&in);
    const struct str text = ipc_read_bytes(&in);
    (void)snprintf(w->text, sizeof(w->text), "%.*s", STR_ARG(text));
    assert_false(in.bad);
    w->answered++;
}

static void on_closed(void *user, const char *text)
{
    struct world *w = user;
    (void)text;
    w->worker = NULL;
}

static void worker_connect(struct world *w)
{
    static const struct ipc_events events = {on_message, on_closed};
    static const struct ipc_options options = {MESSAGES_FRAME_MAX, MESSAGES_BACKLOG_MAX};
    struct err e = {0};
    struct buf hello;
    const int fd = ipc_connect((struct str){w->launch.address, w->launch.address_len}, &e);
    if (fd < 0)
        fail_msg("%s", e.msg);
    w->worker = ipc_create(loop, fd, &options, &events, w);
    buf_init(&hello, 200);
    assert_true(ipc_write_u64(&hello, MESSAGES_VERSION) &&
                ipc_write_bytes(&hello, STR("a token")) && ipc_write_u64(&hello, 0) &&
                ipc_write_u64(&hello, 0));
    ipc_send(w->worker, MESSAGE_HELLO, buf_str(&hello));
    buf_finish(&hello);
    until(w->welcomed);
}

static void world_init(struct world *w)
{
    struct err e = {0};
    int fd = -1;
    *w = (struct world){0};
    state_init(&w->state);
    w->launch = (struct launch){.workers = 1, .token = "a token"};
    w->listen_fd =
        ipc_listen(w->launch.address, sizeof(w->launch.address), &w->launch.address_len, &e);
    if (w->listen_fd < 0 || pages_make(LAUNCH_SLOTS_PER_WORKER, &fd, &w->pages, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    (void)close(fd);
    const struct links_options options = {.launch = &w->launch,
                                          .pages = w->pages,
                                          .listen_fd = w->listen_fd,
                                          .confirm_ms = 60000,
                                          .on_call = on_call,
                                          .user = w};
    w->links = links_create(loop, &options);
    links_open(w->links, 0);
    worker_connect(w);
}

static void world_finish(struct world *w)
{
    ipc_close(w->worker);
    links_close(w->links);
    state_finish(&w->state);
    pages_unmap(w->pages);
    (void)close(w->listen_fd);
}

/* Asks for it as a module of that namespace; args are written with ' for ". */
static void call(struct world *w, uint64_t id, uint64_t op, const char *ns, const char *args)
{
    struct buf b;
    char text[500];
    (void)snprintf(text, sizeof(text), "%s", args);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    buf_init(&b, 1000);
    assert_true(ipc_write_u64(&b, id) && ipc_write_u64(&b, op) && ipc_write_bytes(&b, str_of(ns)) &&
                ipc_write_bytes(&b, STR("m")) && ipc_write_bytes(&b, str_of(text)));
    ipc_send(w->worker, MESSAGE_CALL, buf_str(&b));
    buf_finish(&b);
}

static uint64_t revision(const struct world *w)
{
    struct engine_status status = {0};
    engine_status_get(w->state.engine, &status);
    return status.revision;
}

/* One after the other, on the same state. */
static void test_calls(void **state)
{
    (void)state;
    static const struct {
        uint64_t op;
        const char *args;
        enum err_code code;
        const char *text; /* in the answer */
    } cases[] = {
        {SCRIPT_PUT_COLLECTION, "{'name':'c'}", ERR_OK, "\"name\":\"c\""},
        {SCRIPT_PUT_COLLECTION, "{'name':'c','namespace':'default'}", ERR_OK, "\"name\":\"c\""},
        {SCRIPT_PUT_COLLECTION, "{'name':'c','namespace':''}", ERR_OK, "\"namespace\":\"default\""},
        {SCRIPT_PUT_COLLECTION, "{'name':'x','namespace':'other'}", ERR_FORBIDDEN,
         "a module of namespace default may not write to namespace other"},
        {SCRIPT_PUT_COLLECTION, "{}", ERR_INVALID, "name: "},
        {SCRIPT_PUT_COLLECTION, "{'name':'x','more':1}", ERR_INVALID, "more: "},
        {SCRIPT_PUT_DOCUMENT, "{'id':'1','collection':'c','data':{'n':7}}", ERR_OK,
         "\"data\":{\"n\":7}"},
        {SCRIPT_PUT_DOCUMENT, "{'id':'2','collection':'c','data':null}", ERR_OK, "\"id\":\"2\""},
        {SCRIPT_PUT_DOCUMENT, "{'id':'1','collection':'c','data':1,'namespace':'other'}",
         ERR_FORBIDDEN, "may not write to namespace other"},
        {SCRIPT_PUT_DOCUMENT, "{'id':'1','collection':'c','data':1,'NamespaceName':'other'}",
         ERR_INVALID, "NamespaceName: "},
        {SCRIPT_PUT_DOCUMENT, "{'collection':'c','data':1}", ERR_INVALID, "id: "},
        {SCRIPT_PUT_DOCUMENT, "{'id':'1','collection':'absent','data':1}", ERR_INVALID,
         "collection: "},
        {SCRIPT_DELETE_DOCUMENT, "{'collection':'c'}", ERR_INVALID, "id is required"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'','collection':'c'}", ERR_INVALID, "id is required"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':1,'collection':'c'}", ERR_INVALID, "id is required"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'1'}", ERR_NOT_FOUND, "no document can have such a name"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'1','collection':'c','namespace':'other'}", ERR_FORBIDDEN,
         "may not write"},
        {SCRIPT_DELETE_COLLECTION, "{'id':'c'}", ERR_INVALID, "name is required"},
        {SCRIPT_DELETE_COLLECTION, "{'name':'absent'}", ERR_NOT_FOUND, "absent"},
        {SCRIPT_DELETE_COLLECTION, "{'name':'c'}", ERR_CONFLICT, "document"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'1','collection':'c'}", ERR_OK, "null"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'1','collection':'c'}", ERR_NOT_FOUND, "default/c/1"},
        {SCRIPT_DELETE_DOCUMENT, "{'id':'2','collection':'c'}", ERR_OK, "null"},
        {SCRIPT_DELETE_COLLECTION, "{'name':'c'}", ERR_OK, "null"},
        {SCRIPT_PUT_COLLECTION, "[]", ERR_INVALID, "an object is expected"},
        {SCRIPT_PUT_COLLECTION, "null", ERR_INVALID, "an object is expected"},
        {SCRIPT_PUT_COLLECTION, "{", ERR_INVALID, "line 1"},
        {SCRIPT_PUT_COLLECTION, "", ERR_INVALID, ""},
        {SCRIPT_GET_COLLECTION, "{'name':'c'}", ERR_INVALID, "this is not a write"},
        {SCRIPT_GET_DOCUMENTS, "{", ERR_INVALID, "this is not a write"},
        {SCRIPT_DELETE_DOCUMENT + 1, "{'name':'c'}", ERR_INVALID, "this is not a write"},
        {UINT64_MAX, "{'name':'c'}", ERR_INVALID, "this is not a write"},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const uint64_t before = revision(&w);
        call(&w, 100 + i, cases[i].op, "default", cases[i].args);
        until(w.answered == (int)i + 1);
        assert_int_equal(w.id, 100 + i);
        if (w.code != cases[i].code || strstr(w.text, cases[i].text) == NULL)
            fail_msg("%d %s: %d \"%s\"", (int)cases[i].op, cases[i].args, (int)w.code, w.text);
        assert_int_equal(revision(&w), before + (cases[i].code == ERR_OK));
    }
    world_finish(&w);
}

/* What another namespace holds is neither seen nor changed. */
static void test_namespaces_are_apart(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    state_put(&w.state, MODEL_NAMESPACE, "{'name':'other'}");
    state_put(&w.state, MODEL_COLLECTION, "{'name':'c','namespace':'other'}");
    call(&w, 1, SCRIPT_DELETE_COLLECTION, "default", "{'name':'c'}");
    until(w.answered == 1);
    assert_int_equal(w.code, ERR_NOT_FOUND);
    call(&w, 2, SCRIPT_DELETE_COLLECTION, "other", "{'name':'c'}");
    until(w.answered == 2);
    assert_int_equal(w.code, ERR_OK);
    call(&w, 3, SCRIPT_PUT_COLLECTION, "absent", "{'name':'c'}");
    until(w.answered == 3);
    assert_int_equal(w.code, ERR_INVALID);
    world_finish(&w);
}

static bool find_source(void *user, struct str key, struct str value)
{
    (void)key;
    *(bool *)user = str_contains(value, STR("\"module default/m\""));
    return true;
}

static void test_the_log_names_the_module(void **state)
{
    (void)state;
    struct world w;
    struct store_read *read = NULL;
    struct err e = {0};
    bool found = false;
    world_init(&w);
    call(&w, 1, SCRIPT_PUT_COLLECTION, "default", "{'name':'c'}");
    until(w.answered == 1);
    assert_int_equal(store_read_begin(w.state.store, &read, &e), ERR_OK);
    store_each(read, STORE_LOG, STR(""), STR(""), find_source, &found);
    store_read_end(read);
    assert_true(found);
    world_finish(&w);
}

/* The change is made all the same. */
static void test_a_worker_that_is_gone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    call(&w, 1, SCRIPT_PUT_COLLECTION, "default", "{'name':'c'}");
    until(w.taken == 1);
    ipc_close(w.worker);
    w.worker = NULL;
    until(revision(&w) == 1);
    peer_turns(3);
    assert_int_equal(w.answered, 0);
    world_finish(&w);
}

/* What waits is canceled when control ends, after the links were closed. */
static void test_control_ends(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    call(&w, 1, SCRIPT_PUT_COLLECTION, "default", "{'name':'c'}");
    until(w.taken == 1);
    world_finish(&w);
    assert_int_equal(w.answered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_calls),
        T(test_namespaces_are_apart),
        T(test_the_log_names_the_module),
        T(test_a_worker_that_is_gone),
        T(test_control_ends),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
