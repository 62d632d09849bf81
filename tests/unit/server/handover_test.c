#include <fcntl.h>

#include "base/mem.h"
#include "io/shm.h"
#include "server/handover.h"
#include "testing.h"

static void test_round_trip(void **state)
{
    (void)state;
    struct handover h = {.from = mem_strdup("1.2.3"),
                         .storage = {.path = mem_strdup("/a/b"), .lock_fd = 17, .temporary = true}};
    sockets_init(&h.sockets);
    h.sockets.fds[LAUNCH_FD_TEXT] = 40;
    h.sockets.fds[SOCKETS_MAX - 1] = 41;
    const struct handover_process processes[] = {
        {.seat = {LAUNCH_CONTROL, 0, 0}, .pid = 100},
        {.seat = {LAUNCH_WORKER, 3, 7}, .pid = 101, .drains = true},
    };
    for (size_t i = 0; i < 2; i++)
        vec_push(&h, processes[i]);
    struct handover got = {0};
    struct err e = {0};
    int fd = -1;
    assert_int_equal(handover_write(&h, &fd, &e), ERR_OK);
    assert_int_equal(handover_read(fd, &got, &e), ERR_OK);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
    assert_string_equal(got.from, "1.2.3");
    assert_string_equal(got.storage.path, "/a/b");
    assert_int_equal(got.storage.lock_fd, 17);
    assert_true(got.storage.temporary);
    assert_memory_equal(got.sockets.fds, h.sockets.fds, sizeof(h.sockets.fds));
    assert_int_equal(got.n, 2);
    assert_int_equal(got.v[0].pid, 100);
    assert_int_equal(got.v[0].seat.role, LAUNCH_CONTROL);
    assert_false(got.v[0].drains);
    assert_int_equal(got.v[1].seat.index, 3);
    assert_int_equal(got.v[1].seat.slot, 7);
    assert_true(got.v[1].drains);
    handover_finish(&got);
    handover_finish(&h);
}

static void test_what_is_not_taken(void **state)
{
    (void)state;
    char foreign[128];
    char future[128];
    char bare[128];
    (void)snprintf(foreign, sizeof(foreign), "{\"format\":1,\"pid\":%d}", (int)getpid() + 1);
    (void)snprintf(future, sizeof(future), "{\"format\":%d,\"pid\":%d}", HANDOVER_VERSION + 1,
                   (int)getpid());
    (void)snprintf(bare, sizeof(bare), "{\"format\":1,\"pid\":%d}", (int)getpid());
    const struct {
        const char *text;
        const char *why;
    } cases[] = {{"", ""},
                 {"{}", "format"},
                 {future, "format 2"},
                 {foreign, "another process"},
                 {bare, "not complete"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct handover got = {0};
        struct err e = {0};
        int fd = -1;
        assert_int_equal(shm_put_text("test", str_of(cases[i].text), &fd, &e), ERR_OK);
        assert_int_equal(handover_read(fd, &got, &e), ERR_INVALID);
        if (strstr(e.msg, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].text, e.msg);
        assert_null(got.from);
    }
    struct handover got = {0};
    assert_int_equal(handover_read(-1, &got, NULL), ERR_IO);
}

static void test_open_over_exec(void **state)
{
    (void)state;
    struct handover h = {0};
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    sockets_init(&h.sockets);
    h.sockets.fds[LAUNCH_FD_TEXT] = fds[0];
    h.sockets.fds[LAUNCH_FD_LOCK] = fds[1];
    handover_keep_open(&h, true);
    assert_int_equal(fcntl(fds[0], F_GETFD), 0);
    (void)fcntl(fds[1], F_SETFD, 0);
    handover_keep_open(&h, false);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fds[1], F_GETFD), 0); /* the lock's is children's too */
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_is_not_taken),
        cmocka_unit_test(test_open_over_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
