#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/now.h"
#include "node/node_cache.h"
#include "testing.h"

enum { BYTES = 256 * 1024, KEYS = 64, VALUE_MAX = 24 * 1024, CHILDREN = 3, KILLS = 60 };

static struct node_cache cache;
static void *memory;
static size_t memory_size;

static int setup_bytes(uint64_t bytes)
{
    memory_size = node_cache_size(bytes);
    memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    node_cache_make(memory, bytes);
    node_cache_attach(&cache, memory, bytes);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_bytes(BYTES);
}

static int teardown(void **state)
{
    (void)state;
    node_cache_detach(&cache);
    return munmap(memory, memory_size);
}

static enum node_cache_result set(const char *key, struct str value, uint64_t expires_ns)
{
    return node_cache_set(&cache, hash_bytes(1, str_of(key)), str_of(key), value, expires_ns);
}

/* The value as text, NULL when there is none; valid until the next call. */
static const char *get(const char *key, uint64_t now_ns)
{
    static char text[VALUE_MAX + 1];
    struct buf b;
    buf_init(&b, VALUE_MAX);
    const enum node_cache_result rc =
        node_cache_get(&cache, hash_bytes(1, str_of(key)), str_of(key), now_ns, &b);
    if (rc == NODE_CACHE_OK) {
        if (b.len > 0)
            memcpy(text, buf_str(&b).p, b.len);
        text[b.len] = '\0';
    }
    buf_finish(&b);
    return rc == NODE_CACHE_OK ? text : NULL;
}

static struct node_cache_stats stats(void)
{
    struct node_cache_stats s;
    node_cache_stats_get(&cache, &s);
    return s;
}

static void test_set_get_delete(void **state)
{
    (void)state;
    assert_null(get("a", 1));
    assert_int_equal(set("a", STR("one"), 0), NODE_CACHE_OK);
    assert_int_equal(set("b", STR(""), 0), NODE_CACHE_OK);
    assert_string_equal(get("a", 1), "one");
    assert_string_equal(get("b", 1), "");
    assert_int_equal(set("a", STR("two, longer"), 0), NODE_CACHE_OK);
    assert_string_equal(get("a", 1), "two, longer");
    assert_int_equal(stats().entries, 2);
    assert_int_equal(stats().bytes, 1 + 11 + 1);
    assert_int_equal(node_cache_delete(&cache, hash_bytes(1, STR("a")), STR("a")), NODE_CACHE_OK);
    assert_int_equal(node_cache_delete(&cache, hash_bytes(1, STR("a")), STR("a")),
                     NODE_CACHE_ABSENT);
    assert_null(get("a", 1));
    assert_string_equal(get("b", 1), "");
    assert_int_equal(stats().entries, 1);
    assert_int_equal(stats().bytes, 1);
    assert_int_equal(stats().hits, 4);
    assert_int_equal(stats().misses, 2);
}

static void test_keys_with_the_same_hash(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(node_cache_set(&cache, 7, STR("x"), STR("1"), 0), NODE_CACHE_OK);
    assert_int_equal(node_cache_set(&cache, 7, STR("y"), STR("2"), 0), NODE_CACHE_OK);
    assert_int_equal(node_cache_get(&cache, 7, STR("x"), 1, &b), NODE_CACHE_OK);
    assert_int_equal(node_cache_get(&cache, 7, STR("y"), 1, &b), NODE_CACHE_OK);
    assert_int_equal(node_cache_get(&cache, 7, STR("z"), 1, &b), NODE_CACHE_ABSENT);
    assert_string_equal(buf_cstr(&b), "12");
    buf_finish(&b);
}

static void test_expiry(void **state)
{
    (void)state;
    assert_int_equal(set("a", STR("v"), 1000), NODE_CACHE_OK);
    assert_string_equal(get("a", 999), "v");
    assert_null(get("a", 1000));
    assert_null(get("a", 999)); /* it was dropped */
    assert_int_equal(stats().entries, 0);
}

static void test_sizes(void **state)
{
    (void)state;
    const size_t max = node_cache_item_max(&cache);
    char *big = test_calloc(1, max + 1);
    memset(big, 'x', max);
    assert_int_equal(set("k", (struct str){big, max}, 0), NODE_CACHE_TOO_LARGE);
    assert_int_equal(set("k", (struct str){big, max - 1}, 0), NODE_CACHE_OK);
    struct buf b;
    buf_init(&b, max - 2);
    assert_int_equal(node_cache_get(&cache, hash_bytes(1, STR("k")), STR("k"), 1, &b),
                     NODE_CACHE_TOO_LARGE);
    buf_finish(&b);
    test_free(big);
}

/* What is used stays, what is not goes, and the memory is never passed. */
static void test_eviction(void **state)
{
    (void)state;
    char key[32];
    char value[1000];
    memset(value, 'v', sizeof(value));
    assert_int_equal(set("used", STR("kept"), 0), NODE_CACHE_OK);
    assert_int_equal(set("unused", STR("lost"), 0), NODE_CACHE_OK);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        const size_t len = (size_t)(i * 37 % 1000);
        assert_int_equal(set(key, (struct str){value, len}, 0), NODE_CACHE_OK);
        assert_string_equal(get("used", 1), "kept");
        assert_int_equal(strlen(get(key, 1)), len);
    }
    assert_null(get("unused", 1));
    assert_null(get("key0", 1));
    assert_true(stats().bytes <= stats().capacity);
    assert_true(stats().bytes > stats().capacity / 2);
    assert_true(stats().evictions > 3000);
}

/* A value that says which key it is of and is the same byte over and over. */
static void put_checked(unsigned k, unsigned char fill, size_t len)
{
    char key[16];
    static char value[VALUE_MAX];
    (void)snprintf(key, sizeof(key), "k%u", k);
    memset(value, fill, len);
    value[0] = (char)k;
    (void)set(key, (struct str){value, len}, 0);
}

/* Whether what is there under k, if anything, is one of those. */
static bool is_whole(unsigned k)
{
    char key[16];
    struct buf b;
    (void)snprintf(key, sizeof(key), "k%u", k);
    buf_init(&b, VALUE_MAX);
    bool whole = true;
    if (node_cache_get(&cache, hash_bytes(1, str_of(key)), str_of(key), 1, &b) == NODE_CACHE_OK) {
        const char *p = buf_str(&b).p;
        whole = b.len >= 2 && p[0] == (char)k;
        for (size_t i = 2; whole && i < b.len; i++)
            whole = p[i] == p[1];
    }
    buf_finish(&b);
    return whole;
}

static void work_for_ever(unsigned seed)
{
    for (;;) {
        seed = seed * 1103515245U + 12345U;
        const unsigned k = seed >> 8 & (KEYS - 1);
        if ((seed & 3) == 0 && !is_whole(k))
            _exit(3);
        put_checked(k, (unsigned char)(seed >> 16), 2 + (seed >> 4) % (VALUE_MAX - 2));
    }
}

static pid_t spawn(unsigned seed)
{
    const pid_t child = fork();
    if (child == 0)
        work_for_ever(seed);
    assert_true(child > 0);
    return child;
}

/* Processes that write all the time are killed again and again: what is left is whole, and nobody waits for ever. */
static void test_killed_in_the_middle(void **state)
{
    (void)state;
    pid_t children[CHILDREN];
    unsigned seed = (unsigned)now_mono_ns();
    const uint64_t deadline = now_mono_ns() + UINT64_C(60000000000);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = spawn(++seed);
    int kills = 0;
    while ((kills < KILLS || stats().resets == 0) && now_mono_ns() < deadline) {
        const uint64_t before = stats().hits + stats().misses;
        while (stats().hits + stats().misses < before + 20 && now_mono_ns() < deadline)
            assert_true(is_whole(seed++ % KEYS));
        const int i = kills++ % CHILDREN;
        int status = 0;
        assert_int_equal(kill(children[i], SIGKILL), 0);
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFSIGNALED(status)); /* it had seen nothing wrong */
        children[i] = spawn(++seed);
    }
    for (int i = 0; i < CHILDREN; i++) {
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], NULL, 0);
    }
    assert_true(kills >= KILLS);
    assert_true(stats().resets > 0); /* at least one had been in the middle of an update */
    for (unsigned k = 0; k < KEYS; k++)
        assert_true(is_whole(k));
    assert_int_equal(set("after", STR("all"), 0), NODE_CACHE_OK);
    assert_string_equal(get("after", 1), "all");
}

/* One that is stopped while it has the lock does not stop the others. */
static void test_stopped_in_the_middle(void **state)
{
    (void)state;
    const uint64_t deadline = now_mono_ns() + UINT64_C(60000000000);
    const pid_t child = spawn(7);
    enum node_cache_result rc = NODE_CACHE_OK;
    while (rc != NODE_CACHE_BUSY && now_mono_ns() < deadline) {
        assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
        rc = set("mine", STR("1"), 0);
        if (rc != NODE_CACHE_BUSY)
            assert_int_equal(kill(child, SIGCONT), 0);
    }
    assert_int_equal(rc, NODE_CACHE_BUSY);
    assert_null(get("mine", 1));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(set("mine", STR("1"), 0), NODE_CACHE_OK);
    assert_string_equal(get("mine", 1), "1");
    assert_true(stats().resets > 0);
}

static int setup_shards(void **state)
{
    (void)state;
    return setup_bytes(16 * 1024 * 1024);
}

static void test_many_shards(void **state)
{
    (void)state;
    char key[32];
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        assert_int_equal(set(key, str_of(key), 0), NODE_CACHE_OK);
    }
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        assert_string_equal(get(key, 1), key);
    }
    assert_int_equal(stats().evictions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_set_get_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_with_the_same_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_eviction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_shards, setup_shards, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
