#include "base/container.h"
#include "base/err.h"
#include "route/host_pattern.h"
#include "route/host_table.h"
#include "testing.h"

static void put(struct host_table *t, const char *ns, const char *name, int64_t priority,
                const char *patterns)
{
    struct host_pattern *list[8];
    size_t n = 0;
    char copy[128];
    (void)snprintf(copy, sizeof(copy), "%s", patterns);
    char *rest = copy;
    for (char *p = strsep(&rest, " "); p != NULL && *p != '\0'; p = strsep(&rest, " ")) {
        struct err e = {0};
        assert_int_equal(host_pattern_create(str_of(p), &list[n++], &e), ERR_OK);
    }
    host_table_put(t, str_of(ns), str_of(name), priority, list, n);
}

static const char *find(const struct host_table *t, const char *host)
{
    static char text[64];
    struct str ns = {0};
    if (!host_table_find(t, str_of(host), &ns))
        return "none";
    (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(ns));
    return text;
}

static void test_find(void **state)
{
    (void)state;
    struct host_table *t = host_table_create();
    assert_true(host_table_empty(t));
    assert_string_equal(find(t, "a.x"), "none");
    put(t, "one", "d", 0, "a.x b.x a.x");
    put(t, "two", "d2", 0, "*.x");
    assert_false(host_table_empty(t));
    assert_string_equal(find(t, "a.x"), "one");
    assert_string_equal(find(t, "A.X."), "one");
    assert_string_equal(find(t, "b.x"), "one");
    assert_string_equal(find(t, "c.x"), "two");
    assert_string_equal(find(t, "x"), "none");
    host_table_remove(t, STR("one"), STR("d2"));
    host_table_remove(t, STR("one"), STR("d"));
    assert_string_equal(find(t, "a.x"), "two");
    host_table_destroy(t);
    host_table_destroy(NULL);
}

/* Exact or not is no matter of precedence: priority, then the domain's name, then the namespace. */
static void test_order(void **state)
{
    (void)state;
    struct host_table *t = host_table_create();
    put(t, "exact", "b", 1, "a.x");
    put(t, "wild", "a", 1, "*.x");
    assert_string_equal(find(t, "a.x"), "wild");
    put(t, "wild", "a", 0, "*.x");
    assert_string_equal(find(t, "a.x"), "exact");
    put(t, "wild", "a", 2, "nothing *.x");
    assert_string_equal(find(t, "a.x"), "wild");
    put(t, "wild", "a", 2, "nothing");
    assert_string_equal(find(t, "a.x"), "exact");
    put(t, "earlier", "b", 1, "a.x");
    assert_string_equal(find(t, "a.x"), "earlier");
    put(t, "dual", "b", 5, "a.x *.x");
    assert_string_equal(find(t, "a.x"), "dual");
    assert_string_equal(find(t, "b.x"), "dual");
    put(t, "any", "z", -5, "*");
    assert_string_equal(find(t, "b.y"), "any");
    host_table_destroy(t);
}

static void test_owners(void **state)
{
    (void)state;
    struct host_table *t = host_table_create();
    put(t, "one", "d", 0, "a.x");
    put(t, "one", "e", 0, "");
    assert_true(host_table_has(t, STR("one")));
    assert_false(host_table_has(t, STR("two")));
    put(t, "one", "d", 3, "b.x");
    host_table_remove(t, STR("one"), STR("d"));
    assert_true(host_table_has(t, STR("one")));
    host_table_remove(t, STR("one"), STR("e"));
    assert_false(host_table_has(t, STR("one")));
    assert_true(host_table_empty(t));
    host_table_destroy(t);
}

enum { SEED = 7, DOMAINS = 40, ROUNDS = 3000, NAME_SIZE = 24 };

static const char *const all_patterns[] = {"a.x", "b.x", "a.y", "*.x", "a*", "*.*", "/b/", "*"};

struct plain {
    bool live;
    int64_t priority;
    const char *patterns[2];
};

static struct plain plain[DOMAINS];

static void names(size_t i, char ns[NAME_SIZE], char name[NAME_SIZE])
{
    (void)snprintf(ns, NAME_SIZE, "ns%zu", i % 5);
    (void)snprintf(name, NAME_SIZE, "d%zu", i / 5);
}

/* The answer of a scan over everything. */
static int scan(struct str host)
{
    int best = -1;
    for (size_t i = 0; i < DOMAINS; i++) {
        bool match = false;
        for (size_t j = 0; plain[i].live && j < 2; j++) {
            struct host_pattern *p = NULL;
            struct err e = {0};
            assert_int_equal(host_pattern_create(str_of(plain[i].patterns[j]), &p, &e), ERR_OK);
            match = match || host_pattern_match(p, host);
            host_pattern_destroy(p);
        }
        if (!match)
            continue;
        if (best >= 0) {
            char a[2][NAME_SIZE];
            char b[2][NAME_SIZE];
            names(i, a[0], a[1]);
            names((size_t)best, b[0], b[1]);
            int64_t more = plain[i].priority - plain[best].priority;
            int order = strcmp(a[1], b[1]) != 0 ? strcmp(a[1], b[1]) : strcmp(a[0], b[0]);
            if (more < 0 || (more == 0 && order > 0))
                continue;
        }
        best = (int)i;
    }
    return best;
}

static void test_random(void **state)
{
    (void)state;
    static const char *const hosts[] = {"a.x", "b.x", "c.x", "a.y", "b.y", "ab", "z"};
    unsigned seed = SEED;
    struct host_table *t = host_table_create();
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = (size_t)rand_r(&seed) % DOMAINS; /* NOLINT(cert-msc30-c): a fixed sequence */
        char ns[NAME_SIZE];
        char name[NAME_SIZE];
        names(i, ns, name);
        plain[i].live = rand_r(&seed) % 3 > 0;
        plain[i].priority = rand_r(&seed) % 3;
        for (size_t j = 0; j < 2; j++)
            plain[i].patterns[j] = all_patterns[(size_t)rand_r(&seed) % ARRAY_LEN(all_patterns)];
        char both[32];
        (void)snprintf(both, sizeof(both), "%s %s", plain[i].patterns[0], plain[i].patterns[1]);
        if (plain[i].live)
            put(t, ns, name, plain[i].priority, both);
        else
            host_table_remove(t, str_of(ns), str_of(name));
        const char *host = hosts[(size_t)rand_r(&seed) % ARRAY_LEN(hosts)];
        int best = scan(str_of(host));
        if (best >= 0)
            names((size_t)best, ns, name);
        assert_string_equal(find(t, host), best < 0 ? "none" : ns);
    }
    host_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
