/* The shim makes LMDB's writes and syncs fail on demand; see tests/e2e/shim/fail_sync.c. */
#include <sys/wait.h>

#include "../../e2e/shim/fail_sync.c"
#include "cluster/engine_contract.h"
#include "cluster/fake_engine.h"
#include "cluster/local.h"
#include "store/store_temp.h"

enum { MAP = 64 * 1024 * 1024 };

static void open_engine(struct contract *c, size_t map_bytes, uint64_t log_keep)
{
    struct err e = {0};
    struct local_options o = {.log_keep = log_keep, .on_applied = contract_on_applied, .user = c};
    if (store_open(c->dir, STORE_READ_WRITE, map_bytes, &c->store, &e) != ERR_OK ||
        local_create(c->loop, c->store, &o, &c->engine, &e) != ERR_OK)
        fail_msg("%s", e.msg);
}

static void close_engine(struct contract *c)
{
    c->closed = false;
    if (c->engine != NULL) {
        engine_close(c->engine, contract_on_closed, c);
        while (!c->closed)
            loop_turn(c->loop, true);
        c->engine = NULL;
    }
    store_close(c->store);
    c->store = NULL;
}

static int setup(void **state)
{
    struct contract *c = mem_alloc(sizeof(*c));
    store_temp_create(c->dir);
    c->loop = loop_create();
    open_engine(c, MAP, 1000);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct contract *c = *state;
    close_engine(c);
    loop_destroy(c->loop);
    store_temp_remove(c->dir);
    free(c);
    return 0;
}

static int setup_fake(void **state)
{
    struct contract *c = mem_alloc(sizeof(*c));
    struct engine *inner = NULL;
    struct local_options o = {
        .log_keep = 1000, .on_applied = fake_engine_on_applied, .user = &c->fake};
    store_temp_create(c->dir);
    c->loop = loop_create();
    if (store_open(c->dir, STORE_READ_WRITE, MAP, &c->store, NULL) != ERR_OK ||
        local_create(c->loop, c->store, &o, &inner, NULL) != ERR_OK)
        return -1;
    c->fake = fake_engine_create(c->loop, inner, contract_on_applied, c);
    c->engine = &c->fake->engine;
    c->fake->late = 3;
    c->fake->twice = true;
    *state = c;
    return 0;
}

/* The value of a number in META. */
static uint64_t meta_number(struct contract *c, struct str key)
{
    struct store_read *r = NULL;
    struct str value = {0};
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    uint64_t n = store_get(r, STORE_META, key, &value) ? store_u64_of(value) : 0;
    store_read_end(r);
    return n;
}

static void test_a_restart_goes_on(void **state)
{
    struct contract *c = *state;
    struct engine_status status = {0};
    assert_int_equal(contract_put(c, STR("route\0default\0a")).revision, 1);
    uint64_t hash = meta_number(c, STR("hash"));
    close_engine(c);
    open_engine(c, MAP, 1000);
    engine_status_get(c->engine, &status);
    assert_int_equal(status.revision, 1);
    assert_true(meta_number(c, STR("hash")) == hash);
    assert_int_equal(contract_put(c, STR("route\0default\0b")).revision, 2);
    assert_true(meta_number(c, STR("hash")) != hash);
}

/* Equal histories have equal hashes, others have not; the cluster id is the store's own. */
static void test_the_hash_is_of_the_history(void **state)
{
    struct contract *c = *state;
    uint64_t hashes[3];
    char ids[3][64];
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        struct store_read *r = NULL;
        struct str id = {0};
        c->next_id = 0;
        c->last_applied = 0;
        (void)contract_put(c, STR("route\0default\0a"));
        (void)contract_put(c, i < 2 ? STR("route\0default\0b") : STR("route\0default\0c"));
        hashes[i] = meta_number(c, STR("hash"));
        assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
        assert_true(store_get(r, STORE_META, STR("cluster_id"), &id));
        assert_int_equal(id.len, 32);
        (void)snprintf(ids[i], sizeof(ids[i]), "%.*s", STR_ARG(id));
        store_read_end(r);
        close_engine(c);
        store_temp_remove(c->dir);
        open_engine(c, MAP, 1000);
    }
    assert_true(hashes[0] == hashes[1]);
    assert_true(hashes[0] != hashes[2]);
    assert_string_not_equal(ids[0], ids[1]);
}

static void test_the_log_is_compacted(void **state)
{
    struct contract *c = *state;
    char key[STORE_U64_SIZE];
    struct store_read *r = NULL;
    struct str value = {0};
    for (int i = 0; i < 50; i++)
        (void)contract_put(c, STR("route\0default\0a"));
    close_engine(c);
    open_engine(c, MAP, 10);
    (void)contract_put(c, STR("route\0default\0a")); /* a bounded number at a time */
    assert_int_equal(meta_number(c, STR("log_first")), 5);
    for (int i = 0; i < 20; i++)
        (void)contract_put(c, STR("route\0default\0a"));
    assert_int_equal(meta_number(c, STR("revision")), 71);
    assert_int_equal(meta_number(c, STR("log_first")), 62);
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    assert_int_equal(store_count(r, STORE_LOG, STR("")), 10);
    assert_int_equal(store_count(r, STORE_META, STR("id\0")), 10);
    assert_int_equal(store_count(r, STORE_META, STR("rev\0")), 10);
    store_u64_key(62, key);
    assert_true(store_get(r, STORE_LOG, (struct str){key, sizeof(key)}, &value));
    store_read_end(r);
}

static void set_rules(const struct contract *c, const char *rules)
{
    char path[sizeof(c->dir) + 32];
    (void)snprintf(path, sizeof(path), "%s/fail", c->dir);
    (void)unlink(path);
    if (rules == NULL)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(shim_raw_write(fd, rules, strlen(rules)), strlen(rules));
    (void)close(fd);
}

static void test_a_failing_disk_refuses_and_leaves_no_trace(void **state)
{
    static const struct {
        const char *rules;
        enum err_code code;
    } FAULTS[] = {
        {"sync EIO", ERR_IO},          {"sync ENOSPC", ERR_NO_SPACE},  {"write EIO", ERR_IO},
        {"meta EIO", ERR_IO},          {"write ENOSPC", ERR_NO_SPACE}, {"meta EIO late", ERR_IO},
        {"meta ENOSPC", ERR_NO_SPACE},
    };
    struct contract *c = *state;
    assert_int_equal(setenv("DGATE_SHIM_DIR", c->dir, 1), 0);
    uint64_t revision = contract_put(c, STR("route\0default\0a")).revision;
    for (size_t i = 0; i < ARRAY_LEN(FAULTS); i++) {
        struct contract_answer a[3];
        set_rules(c, FAULTS[i].rules);
        for (size_t j = 0; j < ARRAY_LEN(a); j++) {
            char id[32];
            (void)snprintf(id, sizeof(id), "%zu-%zu", i, j);
            struct engine_op op = contract_op(ENGINE_PUT, STR("route\0default\0a"));
            struct engine_proposal p = {
                .id = str_of(id), .ops = &op, .op_count = 1, .log = STR("{}")};
            contract_send(c, &p, &a[j]);
        }
        for (size_t j = 0; j < ARRAY_LEN(a); j++) {
            contract_wait(&a[j]);
            assert_int_equal(a[j].result.outcome, ENGINE_REFUSED);
            assert_int_equal(a[j].result.error.code, FAULTS[i].code);
        }
        set_rules(c, NULL);
        assert_int_equal(contract_revision(c, STORE_RESOURCES, STR("route\0default\0a")), revision);
        assert_int_equal(contract_put(c, STR("route\0default\0a")).revision, ++revision);
    }
    assert_int_equal(unsetenv("DGATE_SHIM_DIR"), 0);
}

/* One that does not fit must not take the others of its batch with it. */
static void test_a_full_store_refuses_only_what_does_not_fit(void **state)
{
    struct contract *c = *state;
    static char big[900 * 1024];
    struct contract_answer a[9];
    memset(big, 'b', sizeof(big));
    close_engine(c);
    store_temp_remove(c->dir);
    open_engine(c, 2 * 1024 * 1024, 1000);
    c->last_applied = 0;
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "%zu", i);
        char key[32] = "route\0default\0";
        memcpy(key + 14, id, strlen(id));
        struct engine_op op = contract_op(ENGINE_PUT, (struct str){key, 14 + strlen(id)});
        if (i % 2 == 1)
            op.value = (struct str){big, sizeof(big)};
        struct engine_proposal p = {.id = str_of(id), .ops = &op, .op_count = 1, .log = STR("{}")};
        contract_send(c, &p, &a[i]);
    }
    size_t refused = 0;
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        contract_wait(&a[i]);
        if (i % 2 == 0) {
            assert_int_equal(a[i].result.outcome, ENGINE_COMMITTED);
            continue;
        }
        if (a[i].result.outcome == ENGINE_REFUSED) {
            assert_int_equal(a[i].result.error.code, ERR_NO_SPACE);
            refused++;
        }
    }
    assert_in_range(refused, 1, 3);
    assert_int_equal(meta_number(c, STR("revision")), ARRAY_LEN(a) - refused);
}

/* What a child does: change after change, each acknowledged one reported through the pipe. */
struct writer {
    struct contract contract;
    int fd;
    unsigned in_flight;
    uint64_t n;
};

static void propose_next(struct writer *w);

static void on_written(void *user, const struct engine_result *result)
{
    struct writer *w = user;
    if (result->outcome != ENGINE_COMMITTED ||
        write(w->fd, &result->revision, sizeof(result->revision)) != sizeof(result->revision))
        _exit(1);
    propose_next(w);
}

/* Each change writes its number into three keys, and an entry with that number into the log. */
static void propose_next(struct writer *w)
{
    char text[32];
    char log[64];
    char id[64];
    uint64_t n = ++w->n;
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    (void)snprintf(log, sizeof(log), "{\"n\":%s}", text);
    (void)snprintf(id, sizeof(id), "%d-%s", (int)getpid(), text);
    static const struct str KEYS[] = {
        {"route\0default\0a", 15}, {"service\0default\0b", 17}, {"document\0default\0c\0d", 20}};
    struct engine_op ops[ARRAY_LEN(KEYS)];
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        ops[i] = contract_op(ENGINE_PUT, KEYS[i]);
        ops[i].value = str_of(text);
    }
    struct engine_proposal p = {
        .id = str_of(id), .ops = ops, .op_count = ARRAY_LEN(ops), .log = str_of(log)};
    engine_propose(w->contract.engine, &p, on_written, w);
}

static void write_until_killed(const char *dir, int fd)
{
    static struct writer w;
    struct local_options o = {.log_keep = 20};
    (void)snprintf(w.contract.dir, sizeof(w.contract.dir), "%s", dir);
    w.fd = fd;
    w.contract.loop = loop_create();
    if (store_open(dir, STORE_READ_WRITE, MAP, &w.contract.store, NULL) != ERR_OK ||
        local_create(w.contract.loop, w.contract.store, &o, &w.contract.engine, NULL) != ERR_OK)
        _exit(2);
    struct engine_status status;
    engine_status_get(w.contract.engine, &status);
    w.n = status.revision;
    for (int i = 0; i < 4; i++) /* so that some share a commit */
        propose_next(&w);
    loop_run(w.contract.loop);
    _exit(3);
}

/* Data, log and revision tell the same story; the revision is at least what was acknowledged. */
static uint64_t check_after_kill(struct contract *c, uint64_t acknowledged)
{
    struct store_read *r = NULL;
    struct str value = {0};
    char key[STORE_U64_SIZE];
    char expected[64];
    assert_int_equal(store_read_begin(c->store, &r, NULL), ERR_OK);
    assert_true(store_get(r, STORE_META, STR("revision"), &value));
    uint64_t revision = store_u64_of(value);
    assert_true(revision >= acknowledged);
    (void)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)revision);
    assert_true(store_get(r, STORE_RESOURCES, STR("route\0default\0a"), &value));
    assert_int_equal(store_value_revision(value), revision);
    assert_true(str_eq(store_value_json(value), str_of(expected)));
    assert_true(store_get(r, STORE_DOCUMENTS, STR("document\0default\0c\0d"), &value));
    assert_int_equal(store_value_revision(value), revision);
    for (uint64_t n = revision > 20 ? revision - 19 : 1; n <= revision; n++) {
        store_u64_key(n, key);
        assert_true(store_get(r, STORE_LOG, (struct str){key, sizeof(key)}, &value));
        (void)snprintf(expected, sizeof(expected), "{\"n\":%llu,\"revision\":%llu}",
                       (unsigned long long)n, (unsigned long long)n);
        assert_true(str_eq(value, str_of(expected)));
    }
    store_u64_key(revision + 1, key);
    assert_false(store_get(r, STORE_LOG, (struct str){key, sizeof(key)}, &value));
    store_read_end(r);
    return revision;
}

static void test_kill_loses_nothing_acknowledged(void **state)
{
    struct contract *c = *state;
    uint64_t seed = (uint64_t)time(NULL);
    uint64_t total = 0;
    close_engine(c);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 30; round++) {
        int fds[2];
        uint64_t acknowledged = total;
        uint64_t revision = 0;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(c->dir, fds[1]);
        (void)close(fds[1]);
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned until = (unsigned)(seed >> 33) % 40;
        for (unsigned i = 0; i < until; i++) {
            assert_int_equal(read(fds[0], &revision, sizeof(revision)), sizeof(revision));
            acknowledged = revision;
        }
        (void)usleep((unsigned)(seed >> 40) % 3000);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(fds[0], &revision, sizeof(revision)) == sizeof(revision))
            acknowledged = revision;
        assert_int_equal(waitpid(child, NULL, 0), child);
        (void)close(fds[0]);
        assert_int_equal(store_open(c->dir, STORE_READ_WRITE, MAP, &c->store, NULL), ERR_OK);
        if (acknowledged > 0)
            total = check_after_kill(c, acknowledged);
        store_close(c->store);
        c->store = NULL;
    }
    print_message("%llu changes\n", (unsigned long long)total);
    assert_true(total > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_CONTRACT_TESTS(setup, teardown),
        ENGINE_CONTRACT_TESTS(setup_fake, teardown),
        cmocka_unit_test_setup_teardown(test_a_restart_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_hash_is_of_the_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_log_is_compacted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failing_disk_refuses_and_leaves_no_trace, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_full_store_refuses_only_what_does_not_fit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_kill_loses_nothing_acknowledged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
