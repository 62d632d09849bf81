#include "base/now.h"
#include "server/pages.h"
#include "testing.h"

static void test_two_mappings(void **state)
{
    (void)state;
    struct pages *a = NULL;
    struct pages *b = NULL;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(pages_make(3, &fd, &a, &e), ERR_OK);
    assert_int_equal(a->slots, 3);
    assert_int_equal(pages_map(fd, 3, &b, &e), ERR_OK);
    (void)close(fd);
    assert_int_equal(b->slots, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(atomic_load(&b->worker[i].heartbeat_ns), 0);
        atomic_store(&a->worker[i].requests, i + 10);
        assert_int_equal(atomic_load(&b->worker[i].requests), i + 10);
    }
    struct pages *c = NULL;
    fd = -1;
    pages_unmap(a);
    assert_int_equal(atomic_load(&b->worker[2].requests), 12);
    pages_unmap(b);
    pages_unmap(NULL);
    assert_int_equal(pages_map(-1, 3, &c, &e), ERR_IO);
    assert_null(c);
}

/* What another version made, or for another number of slots. */
static void test_foreign_pages(void **state)
{
    (void)state;
    struct pages *made = NULL;
    struct pages *mapped = NULL;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(pages_make(4, &fd, &made, &e), ERR_OK);
    assert_int_equal(pages_map(fd, 3, &mapped, &e), ERR_INVALID);
    made->layout++;
    assert_int_equal(pages_map(fd, 4, &mapped, &e), ERR_INVALID);
    made->layout--;
    assert_int_equal(pages_map(fd, 4, &mapped, &e), ERR_OK);
    pages_unmap(mapped);
    pages_unmap(made);
    (void)close(fd);
}

static void test_served(void **state)
{
    (void)state;
    struct pages *p = NULL;
    struct err e = {0};
    int fd = -1;
    assert_int_equal(pages_make(4, &fd, &p, &e), ERR_OK);
    (void)close(fd);
    assert_false(pages_served(p, 1, 1000, 100));
    atomic_store(&p->worker[3].heartbeat_ns, 1000); /* drains */
    assert_false(pages_served(p, 1, 1000, 100));
    atomic_store(&p->worker[1].heartbeat_ns, 1000);
    atomic_store(&p->worker[1].serves, 2);
    assert_true(pages_served(p, 1, 1000, 100));
    assert_false(pages_served(p, 0, 1000, 100));
    assert_false(pages_served(p, 1, 1101, 100)); /* late */
    atomic_store(&p->worker[1].serves, 0);
    atomic_store(&p->worker[3].serves, 2);
    assert_true(pages_served(p, 1, 1000, 100));
    pages_unmap(p);
}

static void test_running(void **state)
{
    (void)state;
    static struct pages_worker w;
    struct pages_running r;
    pages_running_get(&w, &r);
    assert_false(r.runs);
    struct script_place what = {.ns = STR("ns"),
                                .route = STR("route"),
                                .module = STR("m"),
                                .function = STR("requestHandler"),
                                .program = 77};
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_true(r.runs);
    assert_int_equal(r.program, 77);
    assert_string_equal(r.route, "ns/route");
    assert_string_equal(r.module, "m");
    assert_string_equal(r.function, "requestHandler");
    pages_running_set(&w, NULL);
    pages_running_get(&w, &r);
    assert_false(r.runs);
    assert_string_equal(r.route, "");

    char name[PAGES_ROUTE_SIZE * 2];
    memset(name, 'n', sizeof(name));
    what.ns = (struct str){name, sizeof(name)};
    what.module = what.ns;
    what.function = what.ns;
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_int_equal(strlen(r.route), PAGES_ROUTE_SIZE - 1);
    assert_int_equal(strlen(r.module), PAGES_MODULE_SIZE - 1);
    assert_int_equal(strlen(r.function), PAGES_FUNCTION_SIZE - 1);

    /* While it is being written, or was left so by a process that was killed: no text, but since when. */
    atomic_fetch_add(&w.running_seq, 1);
    pages_running_get(&w, &r);
    assert_true(r.runs);
    assert_int_equal(r.program, 0);
    assert_string_equal(r.route, "");
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_int_equal(r.program, 77);
}

/* What is the same is not written again, and each of its parts counts. */
static void test_running_again(void **state)
{
    (void)state;
    static struct pages_worker w;
    struct script_place what = {
        .ns = STR("ns"), .route = STR("r"), .module = STR("m"), .function = STR("f"), .program = 1};
    struct pages_running r;
    pages_running_set(&w, &what);
    const uint64_t seq = atomic_load(&w.running_seq);
    pages_running_set(&w, NULL);
    pages_running_set(&w, &what);
    assert_int_equal(atomic_load(&w.running_seq), seq);
    pages_running_get(&w, &r);
    assert_true(r.runs);
    assert_string_equal(r.module, "m");

    what.module = STR("m2");
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_string_equal(r.module, "m2");
    what.function = STR("f2");
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_string_equal(r.function, "f2");
    what.program = 2;
    what.route = STR("r2");
    pages_running_set(&w, &what);
    pages_running_get(&w, &r);
    assert_string_equal(r.route, "ns/r2");
}

static void test_alive(void **state)
{
    (void)state;
    static const struct {
        uint64_t beat;
        uint64_t now;
        bool alive;
    } cases[] = {{0, 50, false},
                 {1000, 1000, true},
                 {1000, 1100, true},
                 {1000, 1101, false},
                 {1000, 900, true} /* it beat after we looked at the clock */};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct pages_worker w;
        atomic_store(&w.heartbeat_ns, cases[i].beat);
        assert_int_equal(pages_alive(&w, cases[i].now, 100), cases[i].alive);
    }
}

static void test_require_keeps_the_latest(void **state)
{
    (void)state;
    static struct pages_worker w;
    pages_require(&w, 5);
    pages_require(&w, 3);
    assert_int_equal(atomic_load(&w.required), 5);
    pages_require(&w, 6);
    assert_int_equal(atomic_load(&w.required), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_mappings),
        cmocka_unit_test(test_foreign_pages),
        cmocka_unit_test(test_served),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_running_again),
        cmocka_unit_test(test_alive),
        cmocka_unit_test(test_require_keeps_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
