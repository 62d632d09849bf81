#include <sys/stat.h>

#include "base/log.h"
#include "io/line_writer.h"
#include "io/peer.h"

enum { BUFFER = 20000 };

static char dir[] = "/tmp/dgate-line-writer-XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/dgate-line-writer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/a.log", dir);
    log_configure(&(struct log_setup){.level = LOG_OFF});
    return peer_loop_setup(state);
}

static int teardown(void **state)
{
    (void)unlink(path);
    (void)rmdir(dir);
    return peer_loop_teardown(state);
}

static struct line_writer *open_writer(void)
{
    const struct line_writer_options options = {
        .name = "access log", .path = path, .buffer_max = BUFFER};
    struct line_writer *w = NULL;
    struct err e = {0};
    if (line_writer_open(loop, &options, &w, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return w;
}

/* What is in a file now. */
static const char *content(const char *file)
{
    static char text[4096];
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_appends(void **state)
{
    (void)state;
    struct line_writer *w = open_writer();
    assert_true(line_writer_add(w, STR("one\n")));
    assert_true(line_writer_add(w, STR("two\n")));
    assert_string_equal(content(path), "");
    until(strcmp(content(path), "one\ntwo\n") == 0);
    line_writer_destroy(w);
    w = open_writer();
    assert_true(line_writer_add(w, STR("three\n")));
    line_writer_destroy(w);
    assert_string_equal(content(path), "one\ntwo\nthree\n");
}

static void test_reopens(void **state)
{
    (void)state;
    struct err e = {0};
    char old[80];
    (void)snprintf(old, sizeof(old), "%s.1", path);
    struct line_writer *w = open_writer();
    assert_true(line_writer_add(w, STR("one\n")));
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(line_writer_reopen(w, &e), ERR_OK);
    assert_true(line_writer_add(w, STR("two\n")));
    line_writer_destroy(w);
    assert_string_equal(content(old), "one\n");
    assert_string_equal(content(path), "two\n");
    (void)unlink(old);
}

static uint64_t read_some(int fd)
{
    static char bytes[65536];
    const ssize_t n = read(fd, bytes, sizeof(bytes));
    return n > 0 ? (uint64_t)n : 0;
}

/* A reader that stops does not stop us: lines are kept, then dropped whole, and go on when it reads again. */
static void test_slow_reader(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    struct line_writer *w = open_writer();
    char line[100];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    uint64_t added = 0;
    uint64_t tried = 0;
    while (line_writer_dropped(w) < 10) {
        for (int i = 0; i < 50; i++, tried++)
            added += line_writer_add(w, (struct str){line, sizeof(line)});
        loop_turn(loop, false);
    }
    assert_int_equal(added + line_writer_dropped(w), tried);
    uint64_t got = 0;
    until((got += read_some(reader)) >= added * sizeof(line));
    assert_int_equal(got, added * sizeof(line));
    assert_true(line_writer_add(w, STR("again\n")));
    until(read_some(reader) == 6);
    line_writer_destroy(w);
    (void)close(reader);
}

static void test_cannot_open(void **state)
{
    (void)state;
    const struct line_writer_options options = {
        .name = "access log", .path = "/no/such/dir/a.log", .buffer_max = BUFFER};
    struct line_writer *w = NULL;
    struct err e = {0};
    assert_int_not_equal(line_writer_try(&options, &e), ERR_OK);
    assert_int_not_equal(line_writer_open(loop, &options, &w, &e), ERR_OK);
    assert_string_equal(e.msg,
                        "cannot open the access log /no/such/dir/a.log: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_appends),
        T(test_reopens),
        T(test_slow_reader),
        T(test_cannot_open),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
