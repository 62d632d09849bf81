/* The test plays control: what it writes into the store and what it says of that are two things. */
#include "io/ipc.h"
#include "server/messages.h"
#include "server/replica.h"
#include "server/state.h"

enum { CALLS_MAX = 1024, WORKER = 1 };

struct control {
    struct ipc *link; /* NULL: none */
    uint64_t hello;   /* revision that it named */
    uint64_t confirmed;
    int confirms;
    int calls;
    uint64_t call_id;
};

struct world {
    struct state state;
    struct config config;
    struct launch launch;
    struct pages *pages;
    struct pages_worker *page;
    int listen_fd;
    struct catalog *catalog;
    struct replica *replica;
    int loaded;
    struct control control;
};

struct outcome {
    int calls;
    enum err_code code;
    char text[64];
    struct world *again; /* asks once more from within */
};

static void on_message(void *user, uint8_t type, struct str payload)
{
    struct control *c = user;
    struct ipc_reader in = {.rest = payload};
    if (type == MESSAGE_HELLO) {
        assert_int_equal(ipc_read_u64(&in), MESSAGES_VERSION);
        assert_str(ipc_read_bytes(&in), "a token");
        assert_int_equal(ipc_read_u64(&in), WORKER);
        c->hello = ipc_read_u64(&in);
    } else if (type == MESSAGE_APPLIED) {
        c->confirmed = ipc_read_u64(&in);
        c->confirms++;
    } else {
        assert_int_equal(type, MESSAGE_CALL);
        c->call_id = ipc_read_u64(&in);
        assert_int_equal(ipc_read_u64(&in), SCRIPT_PUT_DOCUMENT);
        assert_str(ipc_read_bytes(&in), "default");
        assert_str(ipc_read_bytes(&in), "m");
        assert_str(ipc_read_bytes(&in), "{}");
        c->calls++;
    }
    assert_false(in.bad);
    assert_int_equal(in.rest.len, 0);
}

static void on_closed(void *user, const char *text)
{
    struct control *c = user;
    (void)text;
    c->link = NULL;
}

/* Lets the worker in, up to its hello. */
static void control_accept(struct world *w)
{
    static const struct ipc_events events = {on_message, on_closed};
    static const struct ipc_options options = {MESSAGES_FRAME_MAX, MESSAGES_BACKLOG_MAX};
    int fd = -1;
    until((fd = ipc_accept(w->listen_fd)) >= 0);
    w->control = (struct control){.hello = UINT64_MAX};
    w->control.link = ipc_create(loop, fd, &options, &events, &w->control);
    until(w->control.hello != UINT64_MAX);
}

/* Sends a message of numbers; key (NULL: none) follows them as bytes. */
static void say(struct world *w, enum message_type type, const uint64_t *numbers, size_t n,
                const struct str *key)
{
    struct buf b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < n; i++)
        assert_true(ipc_write_u64(&b, numbers[i]));
    if (key != NULL)
        assert_true(ipc_write_bytes(&b, *key));
    ipc_send(w->control.link, (uint8_t)type, buf_str(&b));
    buf_finish(&b);
}

static void say_welcome(struct world *w, bool differs)
{
    const uint64_t numbers[] = {MESSAGES_VERSION, 0, differs, 0};
    say(w, MESSAGE_WELCOME, numbers, ARRAY_LEN(numbers), NULL);
}

/* Says that the change of that revision was to this one service. */
static void say_changed(struct world *w, uint64_t revision, const char *service)
{
    const uint64_t numbers[] = {revision, 0, 1, STORE_RESOURCES};
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    assert_true(model_key(
        &key,
        &(struct model_ref){.kind = MODEL_SERVICE, .ns = STR("default"), .name = str_of(service)}));
    const struct str bytes = buf_str(&key);
    say(w, MESSAGE_STATE, numbers, ARRAY_LEN(numbers), &bytes);
    buf_finish(&key);
}

static void put_service(struct world *w, const char *name)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{'name':'%s','urls':['http://a']}", name);
    state_put(&w->state, MODEL_SERVICE, text);
}

static void on_loaded(void *user)
{
    struct world *w = user;
    w->loaded++;
}

static void worker_start(struct world *w, uint64_t alone_ms)
{
    const struct catalog_options catalog = {.default_namespace = true};
    w->catalog = catalog_create(NULL, &catalog);
    const struct replica_options options = {.launch = &w->launch,
                                            .slot = WORKER,
                                            .pages = w->pages,
                                            .catalog = w->catalog,
                                            .alone_ms = alone_ms,
                                            .on_loaded = on_loaded,
                                            .user = w};
    w->replica = replica_create(loop, &options);
}

static void world_init(struct world *w)
{
    struct err e = {0};
    int fd = -1;
    *w = (struct world){0};
    state_init(&w->state);
    w->config.limits.store_map_mb = STATE_MAP_MB;
    w->launch = (struct launch){
        .config = &w->config, .workers = WORKER + 1, .store_dir = w->state.dir, .token = "a token"};
    w->listen_fd =
        ipc_listen(w->launch.address, sizeof(w->launch.address), &w->launch.address_len, &e);
    if (w->listen_fd < 0 ||
        pages_make((WORKER + 1) * LAUNCH_SLOTS_PER_WORKER, &fd, &w->pages, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    (void)close(fd);
    w->page = &w->pages->worker[WORKER];
}

static void world_finish(struct world *w)
{
    replica_destroy(w->replica);
    catalog_destroy(w->catalog);
    ipc_close(w->control.link);
    state_finish(&w->state);
    pages_unmap(w->pages);
    (void)close(w->listen_fd);
}

/* A worker that serves what the store holds, one service at revision 1. */
static void world_serve(struct world *w)
{
    world_init(w);
    put_service(w, "first");
    worker_start(w, 60000);
    control_accept(w);
    say_welcome(w, true);
    until(w->control.confirmed == 1);
    assert_int_equal(w->loaded, 1);
}

static size_t services(const struct world *w)
{
    return catalog_count(w->catalog, MODEL_SERVICE);
}

static void test_the_first_state(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put_service(&w, "a");
    put_service(&w, "b");
    state_put(&w.state, MODEL_COLLECTION, "{'name':'c'}");
    state_put(&w.state, MODEL_DOCUMENT, "{'id':'d','collection':'c','data':1}");
    state_put(&w.state, MODEL_SECRET, "{'name':'s','data':'x'}");
    worker_start(&w, 60000);
    control_accept(&w);
    assert_int_equal(w.control.hello, 0);
    assert_int_equal(w.loaded, 0);
    assert_int_equal(services(&w), 0);
    say_welcome(&w, false); /* whatever it says: there is nothing yet */
    until(w.control.confirmed == 5);
    assert_int_equal(w.control.confirms, 1);
    assert_int_equal(w.loaded, 1);
    assert_int_equal(services(&w), 2);
    assert_int_equal(atomic_load(&w.page->applied), 5);
    world_finish(&w);
}

static void test_an_empty_store(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    worker_start(&w, 60000);
    control_accept(&w);
    say_welcome(&w, false);
    until(w.control.confirms == 1);
    assert_int_equal(w.control.confirmed, 0);
    assert_int_equal(w.loaded, 1);
    world_finish(&w);
}

/* Written behind the engine's back: a value that no version of ours wrote. */
static void spoil(struct world *w, const char *service)
{
    struct err e = {0};
    struct store_write *write = NULL;
    struct buf key;
    buf_init(&key, STORE_KEY_MAX);
    assert_true(model_key(
        &key,
        &(struct model_ref){.kind = MODEL_SERVICE, .ns = STR("default"), .name = str_of(service)}));
    assert_int_equal(store_write_begin(w->state.store, &write, &e), ERR_OK);
    assert_int_equal(
        store_put(write, STORE_RESOURCES, buf_str(&key), STR("\0\0\0\0\0\0\0\1{\"name\":7}"), &e),
        ERR_OK);
    assert_int_equal(store_write_commit(write, &e), ERR_OK);
    buf_finish(&key);
}

static void test_what_cannot_be_decoded_is_left_out(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put_service(&w, "a");
    put_service(&w, "b");
    spoil(&w, "a");
    worker_start(&w, 60000);
    control_accept(&w);
    say_welcome(&w, true);
    until(w.control.confirmed == 2);
    assert_int_equal(services(&w), 1);
    put_service(&w, "c");
    say_changed(&w, 3, "c");
    until(w.control.confirmed == 3);
    assert_int_equal(services(&w), 2);
    world_finish(&w);
}

/* Each change brings the keys that it names, and no others. */
static void test_changes_in_order(void **state)
{
    (void)state;
    struct world w;
    struct state_answer a;
    world_serve(&w);
    put_service(&w, "second");
    put_service(&w, "third");
    say_changed(&w, 2, "second");
    until(w.control.confirmed == 2);
    assert_int_equal(services(&w), 2);
    say_changed(&w, 3, "third");
    until(w.control.confirmed == 3);
    assert_int_equal(services(&w), 3);
    state_submit_delete(&w.state, &a, MODEL_SERVICE, "first");
    until(a.calls == 1);
    say_changed(&w, 4, "first");
    until(w.control.confirmed == 4);
    assert_int_equal(services(&w), 2);
    assert_int_equal(w.control.confirms, 4);
    assert_int_equal(atomic_load(&w.page->applied), 4);
    assert_int_equal(w.loaded, 1);
    world_finish(&w);
}

/* One that was applied already is neither applied nor confirmed once more; one of other tables changes nothing here. */
static void test_old_and_foreign_changes(void **state)
{
    (void)state;
    static const uint64_t foreign[] = {3, 0, 2, STORE_TABLE_COUNT, 0, STORE_DOCUMENTS};
    const struct str key = STR("document\0default\0c\0d");
    struct world w;
    world_serve(&w);
    put_service(&w, "unseen");
    put_service(&w, "told");
    say_changed(&w, 1, "unseen");
    say_changed(&w, 2, "told");
    until(w.control.confirmed == 2);
    assert_int_equal(w.control.confirms, 2);
    assert_int_equal(services(&w), 2);
    say(&w, MESSAGE_STATE, foreign, ARRAY_LEN(foreign), &key);
    until(w.control.confirmed == 3);
    assert_int_equal(services(&w), 2);
    world_finish(&w);
}

static void test_a_gap_is_filled(void **state)
{
    (void)state;
    struct world w;
    world_serve(&w);
    put_service(&w, "missed");
    put_service(&w, "told");
    say_changed(&w, 3, "told");
    until(w.control.confirmed == 3);
    assert_int_equal(services(&w), 3);
    assert_int_equal(w.control.confirms, 2);
    assert_int_equal(w.loaded, 1);
    world_finish(&w);
}

/* Everything may have changed: the store counts, whatever the revision in the message. */
static void test_a_reset(void **state)
{
    (void)state;
    static const uint64_t reset[] = {0, 1, 0};
    struct world w;
    world_serve(&w);
    put_service(&w, "second");
    say(&w, MESSAGE_STATE, reset, ARRAY_LEN(reset), NULL);
    until(w.control.confirmed == 2);
    assert_int_equal(services(&w), 2);
    world_finish(&w);
}

/* Each ends the link; the state of before is served, and the next welcome brings what was missed. */
static void test_bad_messages(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum message_type type;
        size_t n;
        uint64_t numbers[6];
    } cases[] = {
        {"a change without anything", MESSAGE_STATE, 0, {0}},
        {"a change without its count", MESSAGE_STATE, 2, {2, 0}},
        {"a change without its key", MESSAGE_STATE, 4, {2, 0, 1, STORE_RESOURCES}},
        {"a change without its second key", MESSAGE_STATE, 5, {2, 0, 2, STORE_DOCUMENTS, 0}},
        {"a key past the end", MESSAGE_STATE, 6, {2, 0, 1, STORE_RESOURCES, 9, 0}},
        {"a key of every length", MESSAGE_STATE, 5, {2, 0, 1, STORE_RESOURCES, UINT64_MAX}},
        {"keys without number", MESSAGE_STATE, 3, {2, 0, UINT64_MAX}},
        {"an empty welcome", MESSAGE_WELCOME, 0, {0}},
        {"half a welcome", MESSAGE_WELCOME, 2, {MESSAGES_VERSION, 2}},
        {"the welcome of another version", MESSAGE_WELCOME, 4, {MESSAGES_VERSION + 1, 2, 1, 0}},
        {"half a reply", MESSAGE_REPLY, 1, {1}},
        {"a reply without text", MESSAGE_REPLY, 2, {1, ERR_OK}},
        {"a reply past the codes", MESSAGE_REPLY, 3, {1, ERR_CANCELED + 1, 0}},
        {"what only workers say", MESSAGE_APPLIED, 1, {2}},
        {"an unknown message", 99, 1, {2}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        world_serve(&w);
        put_service(&w, "second");
        say(&w, cases[i].type, cases[i].numbers, cases[i].n, NULL);
        control_accept(&w);
        if (w.control.hello != 1 || services(&w) != 1 || atomic_load(&w.page->applied) != 1)
            fail_msg("%s: revision %d, %zu services", cases[i].what, (int)w.control.hello,
                     services(&w));
        say_welcome(&w, true);
        until(w.control.confirmed == 2);
        assert_int_equal(services(&w), 2);
        assert_int_equal(w.loaded, 1);
        world_finish(&w);
    }
}

/* Nobody welcomes it: after a while it serves what the store has, once that was initialised. */
static void test_alone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put_service(&w, "a");
    worker_start(&w, 1);
    peer_turns(5);
    assert_int_equal(w.loaded, 0);
    atomic_store(&w.pages->control_ready, 1);
    until(w.loaded == 1);
    assert_int_equal(services(&w), 1);
    assert_int_equal(atomic_load(&w.page->applied), 1);
    control_accept(&w);
    say_welcome(&w, false); /* it knows all there is: that is confirmed, not loaded again */
    until(w.control.confirmed == 1);
    assert_int_equal(w.loaded, 1);
    world_finish(&w);
}

/* A request that comes meanwhile is answered with 503; it is loaded as soon as there is something to load. */
static void test_a_store_that_is_not_there(void **state)
{
    (void)state;
    struct world w;
    char absent[STORE_TEMP_SIZE + 8];
    world_init(&w);
    put_service(&w, "a");
    (void)snprintf(absent, sizeof(absent), "%s/absent", w.state.dir);
    w.launch.store_dir = absent;
    worker_start(&w, 60000);
    control_accept(&w);
    say_welcome(&w, true);
    pages_require(w.page, 1);
    peer_turns(5);
    assert_int_equal(w.loaded, 0);
    assert_false(replica_catch_up(w.replica));
    w.launch.store_dir = w.state.dir;
    until(w.control.confirmed == 1);
    assert_int_equal(w.loaded, 1);
    assert_true(replica_catch_up(w.replica));
    world_finish(&w);
}

static void on_state(void *user, struct str result, const struct err *error)
{
    struct outcome *o = user;
    o->calls++;
    o->code = error != NULL ? error->code : ERR_OK;
    (void)snprintf(o->text, sizeof(o->text), "%.*s", STR_ARG(result));
    struct world *again = o->again;
    o->again = NULL;
    if (again != NULL) {
        replica_state(again->replica,
                      &(struct script_state_request){SCRIPT_GET_SECRET, STR("default"), STR("m"),
                                                     STR("{\"name\":\"x\"}")},
                      on_state, o);
    }
}

static void ask(struct world *w, struct outcome *o, enum script_state_op op, struct str args)
{
    replica_state(w->replica, &(struct script_state_request){op, STR("default"), STR("m"), args},
                  on_state, o);
}

/* Every snapshot that may be open is: then nobody can begin one. */
static void test_a_store_that_cannot_be_read_for_a_while(void **state)
{
    (void)state;
    static struct store_read *reads[2 * STORE_READERS_MAX];
    struct world w;
    struct err e = {0};
    struct outcome o = {0};
    size_t n = 0;
    world_serve(&w);
    put_service(&w, "second");
    put_service(&w, "third");
    while (n < ARRAY_LEN(reads) && store_read_begin(w.state.store, &reads[n], &e) == ERR_OK)
        n++;
    assert_true(n < ARRAY_LEN(reads));
    say_changed(&w, 2, "second");
    say_changed(&w, 3, "third");
    pages_require(w.page, 2);
    peer_turns(5);
    assert_false(replica_catch_up(w.replica));
    assert_int_equal(services(&w), 1);
    assert_int_equal(w.control.confirms, 1);
    assert_int_equal(atomic_load(&w.page->applied), 1);
    ask(&w, &o, SCRIPT_GET_COLLECTION, STR("{\"name\":\"x\"}"));
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.code, ERR_UNAVAILABLE);
    while (n > 0)
        store_read_end(reads[--n]);
    until(w.control.confirmed == 3);
    assert_int_equal(services(&w), 3);
    assert_true(replica_catch_up(w.replica));
    world_finish(&w);
}

static void test_catching_up(void **state)
{
    (void)state;
    struct world w;
    world_serve(&w);
    put_service(&w, "second");
    assert_true(replica_catch_up(w.replica)); /* nothing says that it must */
    assert_int_equal(services(&w), 1);
    pages_require(w.page, 2);
    assert_true(replica_catch_up(w.replica));
    assert_int_equal(services(&w), 2);
    until(w.control.confirmed == 2);
    pages_require(w.page, 3); /* the store does not have it: 503 */
    assert_false(replica_catch_up(w.replica));
    put_service(&w, "third");
    assert_true(replica_catch_up(w.replica));
    assert_int_equal(services(&w), 3);
    world_finish(&w);
}

static void test_reads_need_no_control(void **state)
{
    (void)state;
    struct world w;
    struct outcome o = {.again = &w};
    world_init(&w);
    state_put(&w.state, MODEL_COLLECTION, "{'name':'c'}");
    state_put(&w.state, MODEL_DOCUMENT, "{'id':'d','collection':'c','data':1}");
    worker_start(&w, 60000);
    ask(&w, &o, SCRIPT_GET_DOCUMENT, STR("{\"id\":\"absent\",\"collection\":\"c\"}"));
    assert_int_equal(o.calls, 2); /* the second was asked while the first was told */
    assert_int_equal(o.code, ERR_OK);
    assert_string_equal(o.text, "null");
    ask(&w, &o, SCRIPT_GET_DOCUMENTS, STR("{\"collection\":\"c\",\"limit\":0}"));
    assert_string_equal(o.text, "[]");
    ask(&w, &o, SCRIPT_GET_DOCUMENT, STR("{"));
    assert_int_equal(o.calls, 4);
    assert_int_equal(o.code, ERR_INVALID);
    world_finish(&w);
}

static void test_writes(void **state)
{
    (void)state;
    struct world w;
    struct outcome o = {0};
    struct outcome rest = {0};
    world_init(&w);
    worker_start(&w, 60000);
    control_accept(&w);
    ask(&w, &o, SCRIPT_PUT_DOCUMENT, STR("{}"));
    assert_int_equal(o.code, ERR_UNAVAILABLE); /* not welcome yet */
    say_welcome(&w, true);
    until(w.control.confirms == 1);
    char *large = mem_calloc(1, MESSAGES_FRAME_MAX);
    ask(&w, &o, SCRIPT_PUT_DOCUMENT, (struct str){large, MESSAGES_FRAME_MAX});
    free(large);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.code, ERR_TOO_LARGE);

    ask(&w, &o, SCRIPT_PUT_DOCUMENT, STR("{}"));
    until(w.control.calls == 1);
    const uint64_t stranger[] = {w.control.call_id + 7, ERR_OK};
    const uint64_t stored[] = {w.control.call_id, ERR_OK};
    const struct str text = STR("stored");
    say(&w, MESSAGE_REPLY, stranger, ARRAY_LEN(stranger), &text);
    say(&w, MESSAGE_REPLY, stored, ARRAY_LEN(stored), &text);
    until(o.calls == 3);
    assert_int_equal(o.code, ERR_OK);
    assert_string_equal(o.text, "stored");

    for (int i = 0; i < CALLS_MAX; i++)
        ask(&w, &rest, SCRIPT_PUT_DOCUMENT, STR("{}"));
    assert_int_equal(rest.calls, 0);
    ask(&w, &o, SCRIPT_PUT_DOCUMENT, STR("{}"));
    assert_int_equal(o.calls, 4);
    assert_int_equal(o.code, ERR_UNAVAILABLE);
    ipc_close(w.control.link);
    w.control.link = NULL;
    until(rest.calls == CALLS_MAX);
    assert_int_equal(rest.code, ERR_UNKNOWN_OUTCOME);
    world_finish(&w);
}

static void test_destroyed_while_a_write_waits(void **state)
{
    (void)state;
    struct world w;
    struct outcome o = {0};
    world_serve(&w);
    ask(&w, &o, SCRIPT_PUT_DOCUMENT, STR("{}"));
    replica_destroy(w.replica);
    w.replica = NULL;
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.code, ERR_UNKNOWN_OUTCOME);
    replica_destroy(NULL);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_the_first_state),
        T(test_an_empty_store),
        T(test_what_cannot_be_decoded_is_left_out),
        T(test_changes_in_order),
        T(test_old_and_foreign_changes),
        T(test_a_gap_is_filled),
        T(test_a_reset),
        T(test_bad_messages),
        T(test_alone),
        T(test_a_store_that_is_not_there),
        T(test_a_store_that_cannot_be_read_for_a_while),
        T(test_catching_up),
        T(test_reads_need_no_control),
        T(test_writes),
        T(test_destroyed_while_a_write_waits),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
