/* Failing writes and syncs: nothing of a failed commit is visible to this process, to a reading process, to
 * the next commit, or after a restart. The shim is compiled into this program: what an executable defines
 * comes before its libraries, so LMDB calls it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../e2e/shim/fail_sync.c"
#include "base/container.h"
#include "store/store.h"
#include "store/store_temp.h"

enum { MAP = 16 * 1024 * 1024 };

struct fixture {
    char dir[STORE_TEMP_SIZE];
    struct store *store;
    pid_t reader; /* a process that has the store open throughout, or 0 */
    int ask[2];
    int answer[2];
};

/* Sets or (NULL) removes the rules of the shim. */
static void set_rules(const struct fixture *f, const char *rules)
{
    char path[STORE_TEMP_SIZE + 32];
    char temp[STORE_TEMP_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/fail", f->dir);
    (void)snprintf(temp, sizeof(temp), "%s/fail.new", f->dir);
    if (rules == NULL) {
        (void)unlink(path);
        return;
    }
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(shim_raw_write(fd, rules, strlen(rules)), strlen(rules));
    (void)close(fd);
    assert_int_equal(rename(temp, path), 0);
}

/* The value of "k": one character, '-' when absent, '!' when the store cannot be read. */
static char value_of_k(struct store *s)
{
    struct store_read *r = NULL;
    struct str value = {0};
    if (store_read_begin(s, &r, NULL) != ERR_OK)
        return '!';
    char found = store_get(r, STORE_META, STR("k"), &value) ? value.p[0] : '-';
    store_read_end(r);
    return found;
}

static void serve_reader(const struct fixture *f)
{
    struct store *s = NULL;
    char byte = 0;
    (void)close(f->ask[1]); /* so that the end of the test is the end of the pipe */
    if (store_open(f->dir, STORE_READ_ONLY, MAP, &s, NULL) != ERR_OK)
        _exit(1);
    byte = 'r';
    while (write(f->answer[1], &byte, 1) == 1 && read(f->ask[0], &byte, 1) == 1)
        byte = value_of_k(s);
    _exit(0);
}

static void start_reader(struct fixture *f)
{
    char byte = 0;
    assert_int_equal(pipe2(f->ask, O_CLOEXEC), 0);
    assert_int_equal(pipe2(f->answer, O_CLOEXEC), 0);
    f->reader = fork();
    if (f->reader == 0)
        serve_reader(f);
    assert_int_equal(read(f->answer[0], &byte, 1), 1);
}

/* What the reading process sees. */
static char reader_sees(const struct fixture *f)
{
    char byte = 'k';
    assert_int_equal(write(f->ask[1], &byte, 1), 1);
    assert_int_equal(read(f->answer[0], &byte, 1), 1);
    return byte;
}

static void open_store(struct fixture *f)
{
    struct err e = {0};
    if (store_open(f->dir, STORE_READ_WRITE, MAP, &f->store, &e) != ERR_OK)
        fail_msg("%s", e.msg);
}

static enum err_code put_k(struct store *s, const char *value, struct err *e)
{
    struct store_write *w = NULL;
    enum err_code code = store_write_begin(s, &w, e);
    if (code != ERR_OK)
        return code;
    code = store_put(w, STORE_META, STR("k"), str_of(value), e);
    if (code == ERR_OK) /* more than one page */
        code = store_put(w, STORE_DOCUMENTS, str_of(value), STR("document"), e);
    if (code == ERR_OK)
        return store_write_commit(w, e);
    store_write_abort(w);
    return code;
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.store = NULL};
    store_temp_create(f.dir);
    if (setenv("DGATE_SHIM_DIR", f.dir, 1) != 0)
        return -1;
    open_store(&f);
    if (put_k(f.store, "1", NULL) != ERR_OK)
        return -1;
    store_close(f.store); /* the reader is to be forked without it */
    start_reader(&f);
    open_store(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)close(f->ask[1]);
    (void)waitpid(f->reader, NULL, 0);
    (void)close(f->ask[0]);
    (void)close(f->answer[0]);
    (void)close(f->answer[1]);
    store_close(f->store);
    store_temp_remove(f->dir);
    return 0;
}

static const struct {
    const char *rules;
    enum err_code code;
} FAULTS[] = {
    {"sync EIO", ERR_IO},        {"sync EIO late", ERR_IO},       {"sync ENOSPC", ERR_NO_SPACE},
    {"write EIO", ERR_IO},       {"write EIO late", ERR_IO},      {"write ENOSPC", ERR_NO_SPACE},
    {"write EIO short", ERR_IO},

    {"meta EIO", ERR_IO},        {"meta ENOSPC", ERR_NO_SPACE},   {"meta EIO late", ERR_IO},
    {"meta EIO short", ERR_IO},  {"meta EIO\nwrite EIO", ERR_IO},
};

static void test_a_failed_commit_is_never_seen(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        struct err e = {0};
        assert_int_equal(put_k(f->store, "2", &e), ERR_OK);
        set_rules(f, FAULTS[i].rules);
        enum err_code code = put_k(f->store, "3", &e);
        if (code != FAULTS[i].code)
            fail_msg("%s: %d %s", FAULTS[i].rules, (int)code, e.msg);
        assert_non_null(strstr(e.msg, f->dir));
        assert_int_equal(value_of_k(f->store), '2');
        assert_int_equal(reader_sees(f), '2');
        assert_int_equal(put_k(f->store, "4", &e), FAULTS[i].code); /* it goes on failing */
        assert_int_equal(value_of_k(f->store), '2');
        set_rules(f, NULL);
        assert_int_equal(value_of_k(f->store), '2');
        assert_int_equal(reader_sees(f), '2');
        assert_int_equal(put_k(f->store, "5", &e), ERR_OK);
        assert_int_equal(value_of_k(f->store), '5');
        assert_int_equal(reader_sees(f), '5');
    }
}

/* The same, but the process that failed ends, and the next one is the first to open the store. */
static void test_the_next_start_is_clean(void **state)
{
    struct fixture *f = *state;
    (void)close(f->ask[1]); /* the reader ends: nobody keeps LMDB's lock file alive */
    assert_int_equal(waitpid(f->reader, NULL, 0), f->reader);
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        struct err e = {0};
        assert_int_equal(put_k(f->store, "2", &e), ERR_OK);
        set_rules(f, FAULTS[i].rules);
        assert_int_equal(put_k(f->store, "3", &e), FAULTS[i].code);
        set_rules(f, NULL);
        store_close(f->store);
        open_store(f);
        if (value_of_k(f->store) != '2')
            fail_msg("%s: %c after the restart", FAULTS[i].rules, value_of_k(f->store));
        assert_int_equal(put_k(f->store, "5", &e), ERR_OK);
        assert_int_equal(value_of_k(f->store), '5');
    }
    start_reader(f);
}

/* After LMDB gave up its environment, a snapshot that is still open stays readable; it is renewed, or
 * another transaction begins, as soon as it is the only one. */
static void test_open_snapshots_survive_a_failure(void **state)
{
    struct fixture *f = *state;
    struct store_read *r = NULL;
    struct str value = {0};
    struct err e = {0};
    assert_int_equal(store_read_begin(f->store, &r, &e), ERR_OK);
    set_rules(f, "meta EIO late");
    assert_int_equal(put_k(f->store, "2", &e), ERR_IO);
    set_rules(f, NULL);
    assert_true(store_get(r, STORE_META, STR("k"), &value));
    assert_true(str_eq(value, STR("1")));
    assert_int_equal(put_k(f->store, "3", &e), ERR_UNAVAILABLE); /* r is in the way */
    assert_int_equal(store_read_renew(r, &e), ERR_OK);
    assert_true(store_get(r, STORE_META, STR("k"), &value));
    assert_true(str_eq(value, STR("1")));
    assert_int_equal(put_k(f->store, "3", &e), ERR_OK);
    assert_int_equal(store_read_renew(r, &e), ERR_OK);
    assert_true(store_get(r, STORE_META, STR("k"), &value));
    assert_true(str_eq(value, STR("3")));
    store_read_end(r);
}

/* Killed at each single call of a commit: the next process finds the state before or after it, whole, and
 * the one after only once the meta page was written. */
static void test_killed_at_any_call(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *rules;
        char value;
    } KILLS[] = {
        {"write KILL", '2'},     {"write KILL late", '2'}, {"sync KILL", '2'},
        {"sync KILL late", '2'}, {"meta KILL", '2'},       {"meta KILL late", '3'},
    };
    for (size_t i = 0; i < ARRAY_LEN(KILLS); i++) {
        struct err e = {0};
        int status = 0;
        assert_int_equal(put_k(f->store, "2", &e), ERR_OK);
        store_close(f->store);
        f->store = NULL;
        set_rules(f, KILLS[i].rules);
        pid_t child = fork();
        if (child == 0) {
            struct store *s = NULL;
            if (store_open(f->dir, STORE_READ_WRITE, MAP, &s, NULL) == ERR_OK)
                (void)put_k(s, "3", NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(reader_sees(f), '2'); /* not published */
        set_rules(f, NULL);
        open_store(f);
        if (value_of_k(f->store) != KILLS[i].value)
            fail_msg("%s: %c", KILLS[i].rules, value_of_k(f->store));
        assert_int_equal(reader_sees(f), KILLS[i].value);
    }
}

/* The order of a commit as the shim records it: pages, sync, meta page. */
static void test_the_order_of_a_commit(void **state)
{
    struct fixture *f = *state;
    char path[STORE_TEMP_SIZE + 32];
    char text[4096] = "";
    struct err e = {0};
    (void)snprintf(path, sizeof(path), "%s/log", f->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(put_k(f->store, "2", &e), ERR_OK);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
    const char *write = strstr(text, " write 0 ");
    const char *sync = strstr(text, " sync 0 ");
    const char *meta = strstr(text, " meta 0 ");
    assert_non_null(write);
    assert_true(sync > write);
    assert_true(meta > sync);
    assert_null(strstr(sync, " write "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_failed_commit_is_never_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_next_start_is_clean, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_snapshots_survive_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_at_any_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_order_of_a_commit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
