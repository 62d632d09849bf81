#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/container.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/store_temp.h"

enum { MAP = 64 * 1024 * 1024 };

struct fixture {
    char dir[STORE_TEMP_SIZE];
    struct store *store;
};

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    struct err e = {0};
    store_temp_create(f->dir);
    if (store_open(f->dir, STORE_READ_WRITE, MAP, &f->store, &e) != ERR_OK)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    store_temp_remove(f->dir);
    free(f);
    return 0;
}

static void put(struct store *s, enum store_table t, struct str key, struct str value)
{
    struct store_write *w = NULL;
    assert_int_equal(store_write_begin(s, &w, NULL), ERR_OK);
    assert_int_equal(store_put(w, t, key, value, NULL), ERR_OK);
    assert_int_equal(store_write_commit(w, NULL), ERR_OK);
}

static bool is(struct store *s, enum store_table t, struct str key, struct str value)
{
    struct store_read *r = NULL;
    struct str found = {0};
    assert_int_equal(store_read_begin(s, &r, NULL), ERR_OK);
    bool equal = store_get(r, t, key, &found) && str_eq(found, value);
    store_read_end(r);
    return equal;
}

static bool absent(struct store *s, enum store_table t, struct str key)
{
    struct store_read *r = NULL;
    struct str found = {0};
    assert_int_equal(store_read_begin(s, &r, NULL), ERR_OK);
    bool present = store_get(r, t, key, &found);
    store_read_end(r);
    return !present;
}

static void test_what_is_committed_is_read(void **state)
{
    struct fixture *f = *state;
    put(f->store, STORE_RESOURCES, STR("a\0b\0c"), STR("one"));
    assert_true(is(f->store, STORE_RESOURCES, STR("a\0b\0c"), STR("one")));
    assert_true(absent(f->store, STORE_DOCUMENTS, STR("a\0b\0c")));
    put(f->store, STORE_RESOURCES, STR("a\0b\0c"), STR(""));
    assert_true(is(f->store, STORE_RESOURCES, STR("a\0b\0c"), STR("")));

    struct store_write *w = NULL;
    assert_int_equal(store_write_begin(f->store, &w, NULL), ERR_OK);
    assert_int_equal(store_put(w, STORE_RESOURCES, STR("x"), STR("y"), NULL), ERR_OK);
    store_write_abort(w);
    assert_true(absent(f->store, STORE_RESOURCES, STR("x")));
}

static void test_a_snapshot_stays_until_it_is_renewed(void **state)
{
    struct fixture *f = *state;
    struct store_read *r = NULL;
    struct str value = {0};
    put(f->store, STORE_META, STR("k"), STR("1"));
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    put(f->store, STORE_META, STR("k"), STR("2"));
    assert_true(store_get(r, STORE_META, STR("k"), &value));
    assert_true(str_eq(value, STR("1")));
    assert_int_equal(store_read_renew(r, NULL), ERR_OK);
    assert_true(store_get(r, STORE_META, STR("k"), &value));
    assert_true(str_eq(value, STR("2")));
    store_read_end(r);
    store_read_end(NULL);
}

struct walk {
    char keys[256];
    size_t stop_after;
    size_t n;
};

static bool on_key(void *user, struct str key, struct str value)
{
    struct walk *w = user;
    (void)value;
    size_t at = strlen(w->keys);
    (void)snprintf(w->keys + at, sizeof(w->keys) - at, "%.*s ", STR_ARG(key));
    return ++w->n != w->stop_after;
}

static void test_each_follows_prefix_and_from(void **state)
{
    struct fixture *f = *state;
    static const char *const KEYS[] = {"b/2", "a/1", "b/1", "b/3", "c/1", "b"};
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        put(f->store, STORE_DOCUMENTS, str_of(KEYS[i]), STR("v"));
    static const struct {
        const char *prefix;
        const char *from;
        size_t stop_after;
        const char *keys;
    } CASES[] = {
        {"", "", 0, "a/1 b b/1 b/2 b/3 c/1 "},
        {"b/", "", 0, "b/1 b/2 b/3 "},
        {"b/", "b/2", 0, "b/2 b/3 "},
        {"b/", "a", 0, "b/1 b/2 b/3 "},
        {"b/", "c", 0, ""},
        {"b/", "", 2, "b/1 b/2 "},
        {"x", "", 0, ""},
        {"c/1", "", 0, "c/1 "},
    };
    struct store_read *r = NULL;
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct walk w = {.stop_after = CASES[i].stop_after};
        store_each(r, STORE_DOCUMENTS, str_of(CASES[i].prefix), str_of(CASES[i].from), on_key, &w);
        assert_string_equal(w.keys, CASES[i].keys);
    }
    struct walk back = {0};
    store_each_back(r, STORE_DOCUMENTS, on_key, &back);
    assert_string_equal(back.keys, "c/1 b/3 b/2 b/1 b a/1 ");
    back = (struct walk){.stop_after = 2};
    store_each_back(r, STORE_DOCUMENTS, on_key, &back);
    assert_string_equal(back.keys, "c/1 b/3 ");
    back = (struct walk){0};
    store_each_back(r, STORE_LOG, on_key, &back);
    assert_string_equal(back.keys, "");
    assert_int_equal(store_count(r, STORE_DOCUMENTS, STR("b/")), 3);
    assert_int_equal(store_count(r, STORE_DOCUMENTS, STR("")), ARRAY_LEN(KEYS));
    assert_int_equal(store_count(r, STORE_LOG, STR("")), 0);
    store_read_end(r);
}

static void test_deletes(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct store_write *w = NULL;
    char key[16];
    size_t removed = 0;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "p%04d", i);
        put(f->store, STORE_DOCUMENTS, str_of(key), STR("value"));
    }
    put(f->store, STORE_DOCUMENTS, STR("o"), STR("other"));
    put(f->store, STORE_DOCUMENTS, STR("q"), STR("other"));
    assert_int_equal(store_write_begin(f->store, &w, NULL), ERR_OK);
    assert_int_equal(store_delete(w, STORE_DOCUMENTS, STR("nothing"), &e), ERR_NOT_FOUND);
    assert_int_equal(store_delete(w, STORE_DOCUMENTS, STR("p0999"), &e), ERR_OK);
    assert_int_equal(store_delete_range(w, STORE_DOCUMENTS, STR("p"), STR("p0100"), &removed, &e),
                     ERR_OK);
    assert_int_equal(removed, 100);
    assert_int_equal(store_delete_range(w, STORE_DOCUMENTS, STR("x"), STR(""), &removed, &e),
                     ERR_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(store_delete_range(w, STORE_DOCUMENTS, STR("p"), STR(""), &removed, &e),
                     ERR_OK);
    assert_int_equal(removed, 899);
    assert_int_equal(store_write_commit(w, &e), ERR_OK);
    assert_true(is(f->store, STORE_DOCUMENTS, STR("o"), STR("other")));
    assert_true(is(f->store, STORE_DOCUMENTS, STR("q"), STR("other")));
    struct store_read *r = NULL;
    assert_int_equal(store_read_begin(f->store, &r, NULL), ERR_OK);
    assert_int_equal(store_count(r, STORE_DOCUMENTS, STR("")), 2);
    store_read_end(r);
}

static void test_keys_of_a_wrong_length_are_errors(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct store_write *w = NULL;
    char longest[STORE_KEY_MAX + 1];
    memset(longest, 'k', sizeof(longest));
    struct str good = {longest, STORE_KEY_MAX};
    struct str bad = {longest, STORE_KEY_MAX + 1};
    struct str value = {0};
    assert_int_equal(store_write_begin(f->store, &w, NULL), ERR_OK);
    assert_int_equal(store_put(w, STORE_META, STR(""), STR("v"), &e), ERR_INVALID);
    assert_int_equal(store_put(w, STORE_META, bad, STR("v"), &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, f->dir));
    assert_int_equal(store_delete(w, STORE_META, bad, &e), ERR_INVALID);
    assert_int_equal(store_put(w, STORE_META, good, STR("v"), &e), ERR_OK);
    assert_false(store_write_get(w, STORE_META, bad, &value));
    assert_true(store_write_get(w, STORE_META, good, &value));
    assert_int_equal(store_write_commit(w, &e), ERR_OK);
    assert_true(is(f->store, STORE_META, good, STR("v")));
}

static void test_a_full_map_is_no_space_and_changes_nothing(void **state)
{
    (void)state;
    char dir[STORE_TEMP_SIZE];
    struct store *s = NULL;
    struct err e = {0};
    struct store_write *w = NULL;
    char *big = mem_alloc(256 * 1024);
    store_temp_create(dir);
    assert_int_equal(store_open(dir, STORE_READ_WRITE, 512 * 1024, &s, &e), ERR_OK);
    put(s, STORE_META, STR("k"), STR("kept"));
    enum err_code code = ERR_OK;
    for (int i = 0; code == ERR_OK; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        assert_in_range(i, 0, 10);
        assert_int_equal(store_write_begin(s, &w, &e), ERR_OK);
        assert_int_equal(store_put(w, STORE_META, STR("k"), STR("lost"), &e), ERR_OK);
        code = store_put(w, STORE_DOCUMENTS, str_of(key), (struct str){big, 256 * 1024}, &e);
        if (code == ERR_OK) {
            assert_int_equal(store_put(w, STORE_META, STR("k"), STR("kept"), &e), ERR_OK);
            assert_int_equal(store_write_commit(w, &e), ERR_OK);
        }
    }
    assert_int_equal(code, ERR_NO_SPACE);
    assert_non_null(strstr(e.msg, "largest size, 524288 bytes"));
    assert_int_equal(store_write_commit(w, &e), ERR_NO_SPACE); /* it cannot be committed any more */
    assert_true(is(s, STORE_META, STR("k"), STR("kept")));
    put(s, STORE_META, STR("k"), STR("again"));
    assert_true(is(s, STORE_META, STR("k"), STR("again")));
    store_close(s);

    /* What fits the file is used, even if a smaller map is asked for. */
    assert_int_equal(store_open(dir, STORE_READ_WRITE, 64 * 1024, &s, &e), ERR_OK);
    assert_true(is(s, STORE_META, STR("k"), STR("again")));
    store_close(s);
    store_temp_remove(dir);
    free(big);
}

static void test_opening_to_read(void **state)
{
    char dir[STORE_TEMP_SIZE];
    struct store *s = NULL;
    struct err e = {0};
    (void)state;
    store_temp_create(dir);
    assert_int_equal(store_open(dir, STORE_READ_ONLY, MAP, &s, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, dir));
    assert_null(s);
    store_temp_remove(dir);
}

static void test_a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct store *s = NULL;
    put(f->store, STORE_META, STR("format"), STR("\0\0\0\0\0\0\0\2"));
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(store_open(f->dir, STORE_READ_WRITE, MAP, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "has format 2"));
    assert_int_equal(store_open(f->dir, STORE_READ_ONLY, MAP, &s, &e), ERR_INVALID);
}

static void test_what_is_no_store_is_refused(void **state)
{
    char dir[STORE_TEMP_SIZE];
    char path[STORE_TEMP_SIZE + 64];
    char junk[8192];
    struct err e = {0};
    struct store *s = NULL;
    (void)state;
    store_temp_create(dir);
    (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
    memset(junk, 'x', sizeof(junk));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
    (void)close(fd);
    assert_int_equal(store_open(dir, STORE_READ_WRITE, MAP, &s, &e), ERR_IO);
    assert_non_null(strstr(e.msg, dir));
    store_temp_remove(dir);
}

static void test_the_directory_is_made_private(void **state)
{
    struct fixture *f = *state;
    char deep[STORE_TEMP_SIZE + 32];
    char file[STORE_TEMP_SIZE + 64];
    struct stat st;
    struct store *s = NULL;
    struct err e = {0};
    (void)snprintf(deep, sizeof(deep), "%s/a/b//c/", f->dir);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(store_open(deep, STORE_READ_WRITE, MAP, &s, &e), ERR_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(file, sizeof(file), "%s/data.mdb", deep);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);

    (void)snprintf(file, sizeof(file), "%s/data.mdb/sub", deep);
    s = NULL;
    assert_int_equal(store_open(file, STORE_READ_WRITE, MAP, &s, &e), ERR_IO);
    assert_null(s);
}

/* A killed reader's slot is freed; a process that reads sees what another one writes. */
static void test_other_processes_read(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    int go[2];
    char byte = 0;
    put(f->store, STORE_META, STR("k"), STR("1"));
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    store_close(f->store);
    f->store = NULL;
    pid_t child = fork();
    if (child == 0) {
        struct store *s = NULL;
        struct store_read *r = NULL;
        struct str value = {0};
        bool good = store_open(f->dir, STORE_READ_ONLY, MAP, &s, NULL) == ERR_OK &&
                    store_read_begin(s, &r, NULL) == ERR_OK &&
                    store_get(r, STORE_META, STR("k"), &value) && str_eq(value, STR("1"));
        good = good && write(ready[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1;
        good = good && store_read_renew(r, NULL) == ERR_OK &&
               store_get(r, STORE_META, STR("k"), &value) && str_eq(value, STR("2"));
        (void)!write(ready[1], good ? "y" : "n", 1);
        (void)pause();
    }
    struct err e = {0};
    assert_int_equal(store_open(f->dir, STORE_READ_WRITE, MAP, &f->store, &e), ERR_OK);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    put(f->store, STORE_META, STR("k"), STR("2"));
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    store_reap_readers(f->store);
    put(f->store, STORE_META, STR("k"), STR("3"));
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(go[i]);
    }
}

static void *read_often(void *user)
{
    struct store *s = user;
    for (int i = 0; i < 2000; i++) {
        struct store_read *r = NULL;
        struct str a = {0};
        struct str b = {0};
        if (store_read_begin(s, &r, NULL) != ERR_OK)
            return s;
        bool equal = !store_get(r, STORE_META, STR("a"), &a) ||
                     (store_get(r, STORE_META, STR("b"), &b) && str_eq(a, b));
        store_read_end(r);
        if (!equal)
            return s;
    }
    return NULL;
}

static void test_threads_read_while_one_writes(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, f->store), 0);
    for (int i = 0; i < 100; i++) {
        char value[16];
        struct store_write *w = NULL;
        (void)snprintf(value, sizeof(value), "%d", i);
        assert_int_equal(store_write_begin(f->store, &w, NULL), ERR_OK);
        assert_int_equal(store_put(w, STORE_META, STR("a"), str_of(value), NULL), ERR_OK);
        assert_int_equal(store_put(w, STORE_META, STR("b"), str_of(value), NULL), ERR_OK);
        assert_int_equal(store_write_commit(w, NULL), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void test_a_copy_is_a_store(void **state)
{
    struct fixture *f = *state;
    char dir[STORE_TEMP_SIZE];
    struct store *copy = NULL;
    struct err e = {0};
    store_temp_create(dir);
    put(f->store, STORE_META, STR("k"), STR("one"));
    assert_int_equal(store_copy(f->store, dir, &e), ERR_OK);
    put(f->store, STORE_META, STR("k"), STR("two"));
    assert_int_equal(store_open(dir, STORE_READ_WRITE, MAP, &copy, &e), ERR_OK);
    assert_true(is(copy, STORE_META, STR("k"), STR("one")));
    put(copy, STORE_META, STR("k"), STR("three"));
    assert_true(is(f->store, STORE_META, STR("k"), STR("two")));
    assert_int_equal(store_copy(f->store, dir, &e), ERR_IO); /* there is a store already */
    store_close(copy);
    store_temp_remove(dir);
    assert_int_equal(store_copy(f->store, dir, &e), ERR_NOT_FOUND);
}

static void test_numbers(void **state)
{
    (void)state;
    static const uint64_t NUMBERS[] = {0, 1, 255, 256, UINT64_C(0x0123456789abcdef), UINT64_MAX};
    char last[STORE_U64_SIZE] = {0};
    for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
        char key[STORE_U64_SIZE];
        store_u64_key(NUMBERS[i], key);
        assert_true(store_u64_of((struct str){key, sizeof(key)}) == NUMBERS[i]);
        assert_true(memcmp(last, key, sizeof(key)) <= 0);
        memcpy(last, key, sizeof(key));
    }
    assert_true(store_u64_of(STR("1234567")) == 0);
    struct str value = STR("\0\0\0\0\0\0\1\2{}");
    assert_true(store_value_revision(value) == 258);
    assert_true(str_eq(store_value_json(value), STR("{}")));
    assert_true(str_eq(store_value_json(STR("short")), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_committed_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_stays_until_it_is_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_follows_prefix_and_from, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_a_wrong_length_are_errors, setup, teardown),
        cmocka_unit_test(test_a_full_map_is_no_space_and_changes_nothing),
        cmocka_unit_test(test_opening_to_read),
        cmocka_unit_test_setup_teardown(test_a_newer_format_is_refused, setup, teardown),
        cmocka_unit_test(test_what_is_no_store_is_refused),
        cmocka_unit_test_setup_teardown(test_the_directory_is_made_private, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_processes_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_read_while_one_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_is_a_store, setup, teardown),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
