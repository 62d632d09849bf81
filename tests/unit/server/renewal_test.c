#include "base/mem.h"
#include "server/config_text.h"
#include "server/fake_child.h"
#include "server/reload.h"
#include "server/renewal.h"

#define BASE    "version: v1\nlog_level: error\n"
#define REFUSED BASE "tags: [" FAKE_CONTROL_REFUSES "]\n"

struct renewing {
    struct fake_world w;
    struct launch launch;
    struct storage_dir storage;
    struct renewal r;
    int refused; /* how often control did not take a configuration */
};

static bool on_empty(void *user, struct keeper *k, int64_t status, int signum)
{
    struct renewing *t = user;
    if (k->role == LAUNCH_CONTROL && signum == 0 && status == LAUNCH_EXIT_REFUSED &&
        renewal_control_failed(&t->r))
        t->refused++;
    return true;
}

static void setup(struct renewing *t)
{
    struct err e = {0};
    *t = (struct renewing){0};
    fake_world_init(&t->w);
    config_text_write(BASE);
    t->launch = (struct launch){.config = config_text_load(),
                                .workers = FAKE_WORKERS,
                                .store_dir = mem_strdup(config_text_dir)};
    reload_fit(t->launch.config, FAKE_WORKERS, NULL);
    (void)close(t->w.sockets.fds[LAUNCH_FD_TEXT]);
    assert_int_equal(launch_write(&t->launch, &t->w.sockets.fds[LAUNCH_FD_TEXT], &e), ERR_OK);
    t->w.shared.on_empty = on_empty;
    t->w.shared.user = t;
    t->w.shared.on_ended = NULL;
    t->r = (struct renewal){.shared = &t->w.shared,
                            .launch = &t->launch,
                            .storage = &t->storage,
                            .flag = config_text_file};
    renewal_init(&t->r, t->w.keepers, ARRAY_LEN(t->w.keepers));
    for (size_t i = 0; i < ARRAY_LEN(t->w.keepers); i++)
        keeper_start(&t->w.keepers[i]);
    until(atomic_load(&t->w.pages->control_ready) == 1 &&
          atomic_load(&t->w.pages->worker[0].serves) == 1 &&
          atomic_load(&t->w.pages->worker[1].serves) == 2);
}

static void teardown(struct renewing *t)
{
    t->w.shared.on_ended = fake_on_ended;
    t->w.shared.user = &t->w;
    renewal_stop(&t->r);
    fake_world_finish(&t->w);
    renewal_finish(&t->r);
    launch_finish(&t->launch);
}

/* Steps once; whether nothing is under way or waiting any more, and what was replaced has ended. */
static bool is_settled(struct renewing *t)
{
    renewal_step(&t->r);
    return !t->r.roll.active && t->r.waiting == RENEWAL_NONE && !roll_is_settling(&t->r.roll);
}

static void assert_serves(const struct renewing *t, size_t tags)
{
    assert_int_equal(t->launch.config->tags.n, tags);
    assert_null(t->r.before.config);
    for (size_t i = 0; i < ARRAY_LEN(t->w.keepers); i++)
        assert_int_equal(t->w.keepers[i].now->generation, t->w.shared.generation);
    assert_int_equal(fake_running(&t->w), ARRAY_LEN(t->w.keepers));
}

static void test_reload(void **state)
{
    (void)state;
    struct renewing t;
    setup(&t);
    const pid_t before = child_pid(t.w.keepers[1].now->child);
    config_text_write(BASE "tags: [a]\nlimits: {hang_cpu_ms: 3s}\n");
    renewal_ask(&t.r, RENEWAL_RELOAD);
    until(is_settled(&t));
    assert_serves(&t, 1);
    assert_int_not_equal(child_pid(t.w.keepers[1].now->child), before);
    assert_int_equal(t.w.shared.hang_cpu_ms, 3000);
    teardown(&t);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct renewing t;
    setup(&t);
    const struct keeper_process *before = t.w.keepers[1].now;
    const uint32_t generation = t.w.shared.generation;
    renewal_ask(&t.r, RENEWAL_RELOAD);
    assert_false(t.r.roll.active);
    config_text_write("version: v9\n");
    renewal_ask(&t.r, RENEWAL_RELOAD);
    assert_false(t.r.roll.active);
    assert_ptr_equal(t.w.keepers[1].now, before);
    assert_int_equal(t.w.shared.generation, generation);
    teardown(&t);
}

/* Control may refuse what the supervisor took: everything goes back to the configuration before. */
static void test_control_refuses(void **state)
{
    (void)state;
    struct renewing t;
    setup(&t);
    const struct keeper_process *worker = t.w.keepers[1].now;
    config_text_write(REFUSED);
    renewal_ask(&t.r, RENEWAL_RELOAD);
    until((renewal_step(&t.r), t.refused == 1));
    until(is_settled(&t));
    assert_serves(&t, 0);
    assert_ptr_equal(t.w.keepers[1].now, worker);
    config_text_write(BASE "tags: [a, b]\n"); /* and the next reload is taken */
    renewal_ask(&t.r, RENEWAL_RELOAD);
    until(is_settled(&t));
    assert_serves(&t, 2);
    teardown(&t);
}

/* One may wait while another is under way; it reads the file when its turn comes. */
static void test_one_waits(void **state)
{
    (void)state;
    struct renewing t;
    setup(&t);
    config_text_write(BASE "tags: [a]\n");
    renewal_ask(&t.r, RENEWAL_RELOAD);
    assert_true(t.r.roll.active);
    renewal_ask(&t.r, RENEWAL_RELOAD);
    assert_int_equal(t.r.waiting, RENEWAL_RELOAD);
    renewal_ask(&t.r, RENEWAL_RELOAD);
    config_text_write(BASE "tags: [a, b, c]\n");
    until(is_settled(&t));
    assert_serves(&t, 3);
    teardown(&t);
}

/* Without a program to execute an upgrade is refused, and nothing changes. */
static void test_no_program(void **state)
{
    (void)state;
    struct renewing t;
    setup(&t);
    renewal_ask(&t.r, RENEWAL_UPGRADE);
    assert_null(t.r.check);
    assert_true(is_settled(&t));
    t.r.program = mem_strdup("/nonexistent/program");
    renewal_ask(&t.r, RENEWAL_UPGRADE);
    until(t.r.check == NULL);
    assert_true(is_settled(&t));
    assert_serves(&t, 0);
    teardown(&t);
}

int main(int argc, char **argv)
{
    fake_child_main(argc, argv);
    log_configure(&(struct log_setup){.level = LOG_OFF});
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_reload),    T(test_nothing_to_do), T(test_control_refuses),
        T(test_one_waits), T(test_no_program),
#undef T
    };
    return cmocka_run_group_tests(tests, config_text_setup, config_text_teardown);
}
