#include <limits.h>
#include <linux/close_range.h>

#include "io/child.h"
#include "io/peer.h"

struct ended {
    int calls;
    int64_t status;
    int signum;
};

static void on_exit_seen(void *user, int64_t status, int signum)
{
    struct ended *e = user;
    e->calls++;
    e->status = status;
    e->signum = signum;
}

static const int NO_FDS[] = {-1, -1, -1};

static struct child *start(const char *script, const char *const *env, const int *fds,
                           size_t fd_count, struct ended *ended)
{
    const char *const args[] = {"sh", "-c", script, NULL};
    const struct child_spec spec = {.program = "/bin/sh",
                                    .args = args,
                                    .env = env,
                                    .fds = fds,
                                    .fd_count = fd_count,
                                    .on_exit = on_exit_seen,
                                    .user = ended};
    struct child *c = NULL;
    struct err e = {0};
    if (child_spawn(loop, &spec, &c, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_true(child_pid(c) > 0);
    return c;
}

static void test_exit_status_and_signal(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int64_t status;
        int signum;
    } cases[] = {
        {"exit 0", 0, 0},
        {"exit 78", 78, 0},
        {"kill -9 $$", 0, SIGKILL},
        {"kill -15 $$", 0, SIGTERM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ended e = {0};
        (void)start(cases[i].script, NULL, NO_FDS, 3, &e);
        until(e.calls == 1);
        assert_int_equal(e.status, cases[i].status);
        assert_int_equal(e.signum, cases[i].signum);
    }
}

static void test_signalled(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = start("while :; do sleep 1; done", NULL, NO_FDS, 3, &e);
    assert_true(child_cpu_ns(child_pid(c)) < 60000000000ULL);
    peer_turns(2);
    assert_int_equal(e.calls, 0);
    child_signal(c, SIGKILL);
    until(e.calls == 1);
    assert_int_equal(e.signum, SIGKILL);
}

static void test_descriptors_and_environment(void **state)
{
    (void)state;
    static const char *const env[] = {"CHILD_TEST=from us", NULL};
    int to_child[2];
    int from_child[2];
    assert_int_equal(pipe2(to_child, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from_child, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(to_child[1], "in\n", 3), 3);
    const int fds[] = {to_child[0], from_child[1], -1, -1, from_child[1]};
    struct ended e = {0};
    (void)start(
        "read x; echo \"$x $CHILD_TEST\"; echo four >&4; [ -e /proc/self/fd/3 ] || echo none", env,
        fds, 5, &e);
    until(e.calls == 1);
    char got[128] = {0};
    assert_true(read(from_child[0], got, sizeof(got) - 1) > 0);
    assert_string_equal(got, "in from us\nfour\nnone\n");
    for (int i = 0; i < 2; i++) {
        (void)close(to_child[i]);
        (void)close(from_child[i]);
    }
}

static void test_cannot_start(void **state)
{
    (void)state;
    const char *const args[] = {"nothing", NULL};
    const struct child_spec spec = {
        .program = "/nonexistent/program", .args = args, .fds = NO_FDS, .fd_count = 3};
    struct child *c = NULL;
    struct err e = {0};
    assert_int_equal(child_spawn(loop, &spec, &c, &e), ERR_INTERNAL);
    assert_null(c);
    assert_non_null(strstr(e.msg, "/nonexistent/program"));
    struct child_spec many = spec;
    many.fd_count = 10000;
    assert_int_equal(child_spawn(loop, &many, &c, &e), ERR_INTERNAL);
}

/* A child that this loop did not start: as after execve() of another program. */
static void test_adopted(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        bool waits; /* for SIGTERM, and is alive when it is adopted */
        int64_t status;
        int signum;
    } cases[] = {
        {"exit 7", false, 7, 0},
        {"kill -9 $$", false, 0, SIGKILL},
        {"while :; do sleep 1; done", true, 0, SIGTERM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ended e = {0};
        struct child *c = NULL;
        struct err why = {0};
        const pid_t pid = fork();
        if (pid == 0) {
            (void)execl("/bin/sh", "sh", "-c", cases[i].script, (char *)NULL);
            _exit(99);
        }
        siginfo_t info;
        if (!cases[i].waits)
            assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        if (child_adopt(loop, pid, on_exit_seen, &e, &c, &why) != ERR_OK)
            fail_msg("%s", why.msg);
        assert_int_equal(child_pid(c), pid);
        if (cases[i].waits) {
            peer_turns(2);
            assert_int_equal(e.calls, 0);
            child_signal(c, SIGTERM);
        }
        until(e.calls == 1);
        assert_int_equal(e.status, cases[i].status);
        assert_int_equal(e.signum, cases[i].signum);
        assert_int_equal(kill(pid, 0), -1); /* reaped */
    }
}

static void test_no_child_of_ours(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = NULL;
    struct err why = {0};
    assert_int_equal(child_adopt(loop, getppid(), on_exit_seen, &e, &c, &why), ERR_NOT_FOUND);
    assert_null(c);
}

/* A forgotten child is reaped without a word. */
static void test_forgotten_and_ends(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = start("exit 3", NULL, NO_FDS, 3, &e);
    const pid_t pid = child_pid(c);
    child_forget(c);
    until(kill(pid, 0) != 0);
    peer_turns(2);
    assert_int_equal(e.calls, 0);
    child_forget(NULL);
}

/* It neither keeps the loop running nor its end from being destroyed: the teardown asserts. */
static void test_forgotten_and_still_running(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = start("sleep 60", NULL, NO_FDS, 3, &e);
    const pid_t pid = child_pid(c);
    child_forget(c);
    timeout_finish(&tick);
    loop_run(loop);
    loop_destroy(loop);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(e.calls, 0);
    (void)peer_loop_setup(NULL);
}

static void test_killed_and_forgotten(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = start("sleep 60", NULL, NO_FDS, 3, &e);
    child_signal(c, SIGKILL);
    child_forget(c);
}

static void test_use_of_nobody(void **state)
{
    (void)state;
    struct ended e = {0};
    struct child *c = start("exit 0", NULL, NO_FDS, 3, &e);
    const pid_t pid = child_pid(c);
    until(e.calls == 1);
    assert_true(child_cpu_ns(pid) == 0);
    assert_true(child_cpu_ns(getpid()) > 0);
    assert_int_equal(child_memory_bytes(pid, CHILD_RESIDENT), 0);
    assert_true(child_memory_bytes(getpid(), CHILD_RESIDENT) > 100000);
    assert_true(child_memory_bytes(getpid(), CHILD_DATA) > 100000);
}

int main(void)
{
    /* The test runner may leave descriptors open for us. */
    (void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, peer_loop_setup, peer_loop_teardown)
        T(test_exit_status_and_signal),
        T(test_signalled),
        T(test_descriptors_and_environment),
        T(test_cannot_start),
        T(test_forgotten_and_ends),
        T(test_forgotten_and_still_running),
        T(test_killed_and_forgotten),
        T(test_use_of_nobody),
        T(test_adopted),
        T(test_no_child_of_ours),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
