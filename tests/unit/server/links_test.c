#include "io/ipc.h"
#include "server/links.h"
#include "server/messages.h"
#include "server/replica.h"
#include "server/state.h"

enum { WORKERS = 2, CONFIRM_MS = 60000 };

struct worker {
    struct pages_worker *page;
    struct catalog *catalog;
    struct replica *replica;
    int loaded;
};

struct world {
    struct state state;
    struct config config;
    struct launch launch;
    struct pages *pages;
    int listen_fd;
    struct links *links;
    uint64_t confirm_ms;
    struct links_call *call; /* the last one */
    int calls;
    struct worker workers[WORKERS];
};

static void on_call(void *user, struct links_call *call, uint64_t op, struct str ns,
                    struct str module, struct str args)
{
    struct world *w = user;
    assert_int_equal(op, SCRIPT_PUT_DOCUMENT);
    assert_str(ns, "ns");
    assert_str(module, "m");
    assert_str(args, "{}");
    w->calls++;
    w->call = call;
}

static void on_loaded(void *user)
{
    struct worker *w = user;
    w->loaded++;
    atomic_store(&w->page->heartbeat_ns, now_mono_ns());
}

static void publish(void *user, const struct engine_applied *applied)
{
    struct world *w = user;
    links_publish(w->links, applied);
}

static void when_served(void *user, uint64_t revision, void (*done)(void *done_user),
                        void *done_user)
{
    struct world *w = user;
    links_when_served(w->links, revision, done, done_user);
}

static void control_start(struct world *w)
{
    const struct links_options options = {.launch = &w->launch,
                                          .pages = w->pages,
                                          .listen_fd = w->listen_fd,
                                          .confirm_ms = w->confirm_ms,
                                          .on_call = on_call,
                                          .user = w};
    struct engine_status status = {0};
    engine_status_get(w->state.engine, &status);
    w->links = links_create(loop, &options);
    links_open(w->links, status.revision);
}

static void worker_start(struct world *w, uint32_t i)
{
    struct worker *k = &w->workers[i];
    const struct catalog_options catalog = {.default_namespace = true};
    const struct replica_options options = {.launch = &w->launch,
                                            .slot = i,
                                            .pages = w->pages,
                                            .catalog = k->catalog = catalog_create(NULL, &catalog),
                                            .alone_ms = 2000,
                                            .on_loaded = on_loaded,
                                            .user = k};
    k->page = &w->pages->worker[i];
    k->loaded = 0;
    k->replica = replica_create(loop, &options);
}

/* As when the process is killed: its page stays as it is. */
static void worker_kill(struct worker *k)
{
    replica_destroy(k->replica);
    catalog_destroy(k->catalog);
    k->replica = NULL;
    k->catalog = NULL;
}

/* What the supervisor does when it sees that. */
static void worker_reaped(const struct world *w, uint32_t i)
{
    atomic_store(&w->pages->worker[i].heartbeat_ns, 0);
    atomic_store(&w->pages->worker[i].applied, 0);
}

static void world_init(struct world *w, uint64_t confirm_ms)
{
    struct err e = {0};
    int fd = -1;
    *w = (struct world){.confirm_ms = confirm_ms};
    state_init(&w->state);
    w->config.limits.store_map_mb = STATE_MAP_MB;
    w->launch = (struct launch){
        .config = &w->config, .workers = WORKERS, .store_dir = w->state.dir, .token = "a token"};
    w->listen_fd =
        ipc_listen(w->launch.address, sizeof(w->launch.address), &w->launch.address_len, &e);
    if (w->listen_fd < 0 ||
        pages_make(WORKERS * LAUNCH_SLOTS_PER_WORKER, &fd, &w->pages, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    (void)close(fd);
    control_start(w);
    w->state.publish = publish;
    w->state.when_served = when_served;
    w->state.user = w;
}

static void world_finish(struct world *w)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_kill(&w->workers[i]);
    links_close(w->links);
    state_finish(&w->state);
    pages_unmap(w->pages);
    (void)close(w->listen_fd);
}

static void both_serve(struct world *w)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_start(w, i);
    until(w->workers[0].loaded == 1 && w->workers[1].loaded == 1);
}

static void assert_services(const struct world *w, size_t count)
{
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(catalog_count(w->workers[i].catalog, MODEL_SERVICE), count);
}

static void test_a_change_is_served_by_all_when_it_is_done(void **state)
{
    (void)state;
    struct world w;
    struct state_answer a;
    world_init(&w, CONFIRM_MS);
    state_put(&w.state, MODEL_SERVICE, "{'name':'before','urls':['http://a']}"); /* no worker yet */
    both_serve(&w);
    assert_services(&w, 1);
    for (int i = 0; i < 20; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{'name':'s%d','urls':['http://a']}", i);
        state_put(&w.state, MODEL_SERVICE, text);
        assert_services(&w, (size_t)i + 2);
        assert_int_equal(atomic_load(&w.pages->worker[1].applied), i + 2);
    }
    state_submit_delete(&w.state, &a, MODEL_SERVICE, "s0");
    until(a.calls == 1);
    assert_int_equal(a.code, ERR_OK);
    assert_services(&w, 20);
    assert_int_equal(atomic_load(&w.pages->worker[0].required), 0);
    world_finish(&w);
}

/* The worker's link ends before the supervisor has noticed its death: the change must not wait for long. */
static void test_a_worker_that_dies_while_a_change_waits(void **state)
{
    (void)state;
    struct world w;
    struct state_answer a;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    worker_kill(&w.workers[1]);
    atomic_store(&w.pages->worker[1].heartbeat_ns, now_mono_ns());
    state_submit(&w.state, &a, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    until(atomic_load(&w.pages->worker[0].applied) == 1);
    peer_turns(5);
    assert_int_equal(a.calls, 0);
    worker_reaped(&w, 1);
    until(a.calls == 1);
    assert_int_equal(a.code, ERR_OK);
    worker_start(&w, 1);
    until(w.workers[1].loaded == 1);
    assert_services(&w, 1);
    world_finish(&w);
}

/* It has no link and does not beat: should it go on after all, it has to load first. */
static void test_a_stopped_worker_without_a_link(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    replica_destroy(w.workers[1].replica);
    w.workers[1].replica = NULL;
    atomic_store(&w.pages->worker[1].heartbeat_ns, 1);
    peer_turns(3);
    state_put(&w.state, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    assert_int_equal(atomic_load(&w.pages->worker[1].required), 1);
    world_finish(&w);
}

/* One that is being replaced does not beat, but ends what is in flight: it is waited for. */
static void test_a_worker_that_is_being_replaced(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, CONFIRM_MS);
    state_put(&w.state, MODEL_SERVICE, "{'name':'r','urls':['http://a']}");
    both_serve(&w);
    atomic_store(&w.pages->worker[0].heartbeat_ns, 0);
    state_put(&w.state, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    assert_services(&w, 2);
    world_finish(&w);
}

/* A client of the protocol that never confirms. */
static struct peer raw_worker(const struct world *w, const char *token, uint64_t index)
{
    struct peer p;
    struct buf hello;
    struct buf frame;
    struct err e = {0};
    const int fd = ipc_connect((struct str){w->launch.address, w->launch.address_len}, &e);
    if (fd < 0)
        fail_msg("%s", e.msg);
    peer_init(&p, fd);
    buf_init(&hello, 200);
    buf_init(&frame, 200);
    assert_true(ipc_write_u64(&hello, MESSAGES_VERSION) && ipc_write_bytes(&hello, str_of(token)) &&
                ipc_write_u64(&hello, index) && ipc_write_u64(&hello, 0));
    const char head[5] = {(char)hello.len, 0, 0, 0, MESSAGE_HELLO};
    assert_true(buf_add(&frame, (struct str){head, sizeof(head)}) &&
                buf_add(&frame, buf_str(&hello)));
    peer_write(&p, buf_str(&frame));
    buf_finish(&frame);
    buf_finish(&hello);
    return p;
}

static void test_a_worker_that_does_not_confirm_is_skipped(void **state)
{
    (void)state;
    struct world w;
    struct state_answer a;
    world_init(&w, 100);
    worker_start(&w, 0);
    until(w.workers[0].loaded == 1);
    struct peer p = raw_worker(&w, "a token", 1);
    until(peer_read(&p, 1));
    atomic_store(&w.pages->worker[1].heartbeat_ns, now_mono_ns());
    state_submit(&w.state, &a, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    until(atomic_load(&w.pages->worker[0].applied) == 1);
    assert_int_equal(a.calls, 0);
    until(a.calls == 1);
    assert_int_equal(a.code, ERR_OK);
    assert_int_equal(atomic_load(&w.pages->worker[1].required), 1);
    peer_finish(&p);
    world_finish(&w);
}

static void test_who_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        uint64_t index;
    } cases[] = {{"another token", 0},
                 {"", 0},
                 {"a token", WORKERS * LAUNCH_SLOTS_PER_WORKER},
                 {"a token", UINT64_MAX}};
    struct world w;
    world_init(&w, CONFIRM_MS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer p = raw_worker(&w, cases[i].token, cases[i].index);
        until(peer_closed(&p));
        peer_finish(&p);
    }
    /* The newer link of a worker replaces the older. */
    struct peer older = raw_worker(&w, "a token", 1);
    until(peer_read(&older, 1));
    struct peer newer = raw_worker(&w, "a token", 1);
    until(peer_read(&newer, 1));
    until(peer_closed(&older));
    assert_false(peer_closed(&newer));
    /* What comes before or after hello is judged too. */
    peer_write(&newer, (struct str){"\x00\x00\x00\x00\x63", 5});
    until(peer_closed(&newer));
    peer_finish(&older);
    peer_finish(&newer);
    world_finish(&w);
}

static void test_control_restarts(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    state_put(&w.state, MODEL_SERVICE, "{'name':'a','urls':['http://a']}");
    /* Changes while there is no link: what control did before it died. */
    links_close(w.links);
    w.links = NULL;
    w.state.publish = NULL;
    w.state.when_served = NULL;
    state_put(&w.state, MODEL_SERVICE, "{'name':'b','urls':['http://a']}");
    assert_services(&w, 1);
    control_start(&w);
    w.state.publish = publish;
    w.state.when_served = when_served;
    state_put(&w.state, MODEL_SERVICE, "{'name':'c','urls':['http://a']}");
    assert_services(&w, 3);
    /* The workers are ahead of what control says in its welcome. */
    links_close(w.links);
    w.links = NULL;
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_true(replica_catch_up(w.workers[i].replica));
    control_start(&w);
    state_put(&w.state, MODEL_SERVICE, "{'name':'d','urls':['http://a']}");
    assert_services(&w, 4);
    world_finish(&w);
}

static void test_catching_up_before_it_serves(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    links_close(w.links);
    w.links = NULL;
    w.state.publish = NULL;
    w.state.when_served = NULL;
    state_put(&w.state, MODEL_SERVICE, "{'name':'a','urls':['http://a']}");
    assert_true(replica_catch_up(w.workers[0].replica));
    assert_services(&w, 0);
    pages_require(w.workers[0].page, 1);
    assert_true(replica_catch_up(w.workers[0].replica));
    assert_int_equal(catalog_count(w.workers[0].catalog, MODEL_SERVICE), 1);
    assert_int_equal(atomic_load(&w.pages->worker[0].applied), 1);
    pages_require(w.workers[0].page, 2); /* what the store does not have cannot be served */
    assert_false(replica_catch_up(w.workers[0].replica));
    world_finish(&w);
}

/* A change that a worker missed is not lost by applying the next one. */
static void test_a_gap_is_filled(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    w.state.publish = NULL;
    w.state.when_served = NULL;
    state_put(&w.state, MODEL_SERVICE, "{'name':'missed','urls':['http://a']}");
    w.state.publish = publish;
    w.state.when_served = when_served;
    state_put(&w.state, MODEL_SERVICE, "{'name':'told','urls':['http://a']}");
    assert_services(&w, 2);
    world_finish(&w);
}

struct outcome {
    int calls;
    enum err_code code;
    char text[64];
};

static void on_state(void *user, struct str result, const struct err *error)
{
    struct outcome *o = user;
    o->calls++;
    o->code = error != NULL ? error->code : ERR_OK;
    (void)snprintf(o->text, sizeof(o->text), "%.*s", STR_ARG(result));
}

static void ask(struct world *w, struct outcome *o)
{
    *o = (struct outcome){0};
    replica_state(
        w->workers[0].replica,
        &(struct script_state_request){SCRIPT_PUT_DOCUMENT, STR("ns"), STR("m"), STR("{}")},
        on_state, o);
}

static void test_calls(void **state)
{
    (void)state;
    struct world w;
    struct outcome o;
    struct outcome second;
    world_init(&w, CONFIRM_MS);
    worker_start(&w, 0);
    ask(&w, &o); /* not welcomed yet */
    assert_int_equal(o.code, ERR_UNAVAILABLE);
    until(w.workers[0].loaded == 1);
    ask(&w, &o);
    until(w.calls == 1);
    struct links_call *first = w.call;
    ask(&w, &second);
    until(w.calls == 2);
    links_reply(w.call, ERR_CONFLICT, STR("no"));
    links_reply(first, ERR_OK, STR("stored"));
    until(o.calls == 1 && second.calls == 1);
    assert_int_equal(o.code, ERR_OK);
    assert_string_equal(o.text, "stored");
    assert_int_equal(second.code, ERR_CONFLICT);
    world_finish(&w);
}

static void on_paused(void *user)
{
    int *calls = user;
    ++*calls;
}

/* Another control follows: what was asked is answered first, what is asked after that waits for the other one. */
static void test_calls_while_control_is_replaced(void **state)
{
    (void)state;
    struct world w;
    struct outcome before;
    struct outcome meanwhile;
    int paused = 0;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    ask(&w, &before);
    until(w.calls == 1);
    links_pause(w.links, on_paused, &paused);
    struct peer late = raw_worker(&w, "a token", 1); /* waits for the other one, too */
    for (int i = 0; i < 50; i++)
        loop_turn(loop, true);
    assert_int_equal(paused, 0);
    ask(&w, &meanwhile);
    links_reply(w.call, ERR_OK, STR("stored"));
    until(paused == 1);
    until(before.calls == 1);
    assert_int_equal(before.code, ERR_OK);
    assert_false(peer_closed(&late));
    links_close(w.links);
    control_start(&w);
    until(w.calls == 2);
    assert_int_equal(meanwhile.calls, 0);
    links_reply(w.call, ERR_OK, STR("stored later"));
    until(meanwhile.calls == 1);
    assert_string_equal(meanwhile.text, "stored later");
    assert_int_equal(paused, 1);
    peer_finish(&late);
    world_finish(&w);
}

static void test_pause_without_workers(void **state)
{
    (void)state;
    struct world w;
    int paused = 0;
    world_init(&w, CONFIRM_MS);
    links_pause(w.links, on_paused, &paused);
    assert_int_equal(paused, 1);
    world_finish(&w);
}

/* It is gone before the control that was to follow is there: nobody waits for ever. */
static void test_held_calls_of_a_worker_that_ends(void **state)
{
    (void)state;
    struct world w;
    struct outcome o;
    int paused = 0;
    world_init(&w, CONFIRM_MS);
    both_serve(&w);
    links_pause(w.links, on_paused, &paused);
    until(paused == 1);
    ask(&w, &o);
    assert_int_equal(o.calls, 0);
    worker_kill(&w.workers[0]);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.code, ERR_UNAVAILABLE);
    world_finish(&w);
}

static void test_a_reply_when_the_worker_or_the_links_are_gone(void **state)
{
    (void)state;
    struct world w;
    struct outcome o;
    world_init(&w, CONFIRM_MS);
    for (int i = 1; i <= 2; i++) {
        worker_start(&w, 0);
        until(w.workers[0].loaded == 1);
        ask(&w, &o);
        until(w.calls == i);
        worker_kill(&w.workers[0]);
        assert_int_equal(o.calls, 1);
        assert_int_equal(o.code, ERR_UNKNOWN_OUTCOME);
        worker_reaped(&w, 0);
        peer_turns(5);
        if (i == 2)
            links_close(w.links);
        links_reply(w.call, ERR_OK, STR("null"));
    }
    control_start(&w);
    worker_start(&w, 0);
    until(w.workers[0].loaded == 1);
    ask(&w, &o);
    until(w.calls == 3);
    links_close(w.links); /* the link is still there */
    w.links = NULL;
    links_reply(w.call, ERR_OK, STR("null"));
    until(o.calls == 1);
    assert_int_equal(o.code, ERR_UNKNOWN_OUTCOME);
    world_finish(&w);
}

static void test_closing_ends_what_waits(void **state)
{
    (void)state;
    struct world w;
    struct state_answer a;
    world_init(&w, CONFIRM_MS);
    worker_start(&w, 0);
    until(w.workers[0].loaded == 1);
    struct peer p = raw_worker(&w, "a token", 1);
    until(peer_read(&p, 1));
    atomic_store(&w.pages->worker[1].heartbeat_ns, now_mono_ns());
    state_submit(&w.state, &a, MODEL_SERVICE, "{'name':'s','urls':['http://a']}");
    until(atomic_load(&w.pages->worker[0].applied) == 1);
    assert_int_equal(a.calls, 0);
    links_close(w.links);
    w.links = NULL;
    assert_int_equal(a.calls, 1);
    peer_finish(&p);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_a_change_is_served_by_all_when_it_is_done),
        T(test_a_worker_that_dies_while_a_change_waits),
        T(test_a_stopped_worker_without_a_link),
        T(test_a_worker_that_is_being_replaced),
        T(test_a_worker_that_does_not_confirm_is_skipped),
        T(test_who_is_refused),
        T(test_control_restarts),
        T(test_catching_up_before_it_serves),
        T(test_a_gap_is_filled),
        T(test_calls),
        T(test_calls_while_control_is_replaced),
        T(test_pause_without_workers),
        T(test_held_calls_of_a_worker_that_ends),
        T(test_a_reply_when_the_worker_or_the_links_are_gone),
        T(test_closing_ends_what_waits),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
