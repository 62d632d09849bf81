#include "proxy/balance.h"
#include "testing.h"

enum { PLACES = 8, KEYS = 40000 };

static struct str names[PLACES];

static struct balance *make(size_t n, const int64_t *weights)
{
    static char texts[PLACES][40];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "http://10.0.0.%zu:80", i);
        names[i] = str_of(texts[i]);
    }
    return balance_create(names, weights, n);
}

static struct balance_set first(size_t n)
{
    struct balance_set s = {0};
    for (size_t i = 0; i < n; i++)
        balance_set_add(&s, i);
    return s;
}

/* The turns as letters. */
static const char *turns(struct balance *b, struct balance_set among, size_t n)
{
    static char text[64];
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + balance_turn(b, &among));
    text[n] = '\0';
    return text;
}

static void test_turns(void **state)
{
    static const struct {
        size_t n;
        int64_t weights[PLACES]; /* 0: none */
        const char *turns;
    } rows[] = {
        {1, {0}, "aaaa"},
        {3, {0}, "abcabcabc"},
        {3, {7, 7, 7}, "abcabc"},
        /* The order that nginx documents for these weights. */
        {3, {5, 1, 1}, "aabacaaaabacaa"},
        {2, {1, 3}, "babbbabb"},
        {3, {3, 2, 1}, "abacbaabacba"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct balance *b = make(rows[i].n, rows[i].weights[0] != 0 ? rows[i].weights : NULL);
        assert_string_equal(turns(b, first(rows[i].n), strlen(rows[i].turns)), rows[i].turns);
        balance_destroy(b);
    }
    balance_destroy(NULL);
}

static void test_turns_among_some(void **state)
{
    (void)state;
    struct balance *b = make(4, NULL);
    struct balance_set some = first(4);
    balance_set_remove(&some, 1);
    assert_string_equal(turns(b, some, 6), "acdacd");
    assert_string_equal(turns(b, first(4), 4), "abcd");
    balance_set_remove(&some, 0);
    balance_set_remove(&some, 2);
    balance_set_remove(&some, 3);
    assert_true(balance_turn(b, &some) == BALANCE_NONE);
    balance_destroy(b);

    static const int64_t weights[] = {2, 5, 1};
    b = make(3, weights);
    some = first(3);
    balance_set_remove(&some, 1);
    assert_string_equal(turns(b, some, 6), "acaaca");
    /* The heavy one comes back without a burst. */
    assert_string_equal(turns(b, first(3), 8), "babbcbab");
    struct balance_set nobody = {0};
    assert_true(balance_turn(b, &nobody) == BALANCE_NONE);
    balance_destroy(b);

    b = make(0, NULL);
    assert_true(balance_turn(b, &nobody) == BALANCE_NONE);
    assert_true(balance_hash(b, &nobody, STR("k")) == BALANCE_NONE);
    balance_destroy(b);
}

static void test_turns_go_on(void **state)
{
    static const int64_t weights[] = {5, 1, 1};
    (void)state;
    struct balance *old = make(3, weights);
    assert_string_equal(turns(old, first(3), 3), "aab");
    struct balance *b = make(3, weights);
    balance_continue(b, old);
    balance_destroy(old);
    assert_string_equal(turns(b, first(3), 4), "acaa");
    balance_destroy(b);
}

static void test_least(void **state)
{
    static const struct {
        int64_t weights[PLACES];
        uint32_t active[PLACES];
        char chosen;
    } rows[] = {
        {{1, 1, 1}, {1, 0, 2}, 'b'}, {{1, 1, 1}, {3, 3, 2}, 'c'},
        {{1, 1, 1}, {0, 0, 0}, 'a'}, {{1, 1, 1}, {4, 2, 2}, 'b'},
        {{4, 1, 1}, {3, 1, 1}, 'a'}, {{4, 1, 1}, {4, 1, 1}, 'a'},
        {{4, 1, 1}, {5, 1, 1}, 'b'}, {{1000, 1, 1}, {4000000, 4000, 3999}, 'c'},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct balance *b = make(3, rows[i].weights);
        struct balance_set all = first(3);
        size_t chosen = balance_least(b, &all, rows[i].active);
        if (chosen != (size_t)(rows[i].chosen - 'a'))
            fail_msg("row %zu: %c", i, (char)('a' + chosen));
        balance_set_remove(&all, chosen);
        assert_true(balance_least(b, &all, rows[i].active) != chosen);
        balance_destroy(b);
    }
    /* Ties take turns, by weight. */
    static const int64_t weights[] = {2, 1};
    static const uint32_t none[2];
    struct balance *b = make(2, weights);
    struct balance_set all = first(2);
    size_t seen[2] = {0};
    for (int i = 0; i < 30; i++)
        seen[balance_least(b, &all, none)]++;
    assert_int_equal(seen[0], 20);
    struct balance_set nobody = {0};
    assert_true(balance_least(b, &nobody, none) == BALANCE_NONE);
    balance_destroy(b);
}

static size_t place_of(const struct balance *b, const struct balance_set *among, int key)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "client-%d", key);
    return balance_hash(b, among, (struct str){text, (size_t)n});
}

/* Shares are as the weights are, within two parts of a hundred of all keys. */
static void test_hash_shares(void **state)
{
    static const struct {
        size_t n;
        int64_t weights[PLACES];
    } rows[] = {
        {2, {1, 1}}, {5, {1, 1, 1, 1, 1}}, {3, {5, 1, 4}}, {2, {1000, 1}}, {4, {1, 2, 3, 4}}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct balance *b = make(rows[i].n, rows[i].weights);
        struct balance_set all = first(rows[i].n);
        int64_t seen[PLACES] = {0};
        int64_t total = 0;
        for (int key = 0; key < KEYS; key++)
            seen[place_of(b, &all, key)]++;
        for (size_t p = 0; p < rows[i].n; p++)
            total += rows[i].weights[p];
        for (size_t p = 0; p < rows[i].n; p++) {
            int64_t wanted = KEYS * rows[i].weights[p] / total;
            if (llabs(seen[p] - wanted) > KEYS / 50)
                fail_msg("row %zu, place %zu: %d of %d", i, p, (int)seen[p], (int)wanted);
        }
        balance_destroy(b);
    }
}

/* A place that goes, or is not healthy, moves its own keys only, and they spread over all others. */
static void test_hash_is_consistent(void **state)
{
    static const int64_t weights[] = {3, 1, 2, 2, 1};
    (void)state;
    struct balance *five = make(5, weights);
    struct balance *four = make(4, weights); /* without the last one */
    struct balance_set all = first(5);
    struct balance_set some = first(5);
    balance_set_remove(&some, 4);
    size_t moved[PLACES] = {0};
    for (int key = 0; key < KEYS; key++) {
        size_t before = place_of(five, &all, key);
        size_t after = place_of(four, &some, key);
        assert_int_equal(after, place_of(five, &some, key));
        if (before != 4)
            assert_int_equal(after, before);
        else
            moved[after]++;
    }
    for (size_t p = 0; p < 4; p++)
        assert_true(moved[p] > KEYS / 9 / 20);
    balance_destroy(four);
    balance_destroy(five);

    /* The order of the places does not matter. */
    struct str swapped[] = {names[1], names[0]};
    struct balance *two = make(2, NULL);
    struct balance *other = balance_create(swapped, NULL, 2);
    struct balance_set both = first(2);
    for (int key = 0; key < 100; key++)
        assert_int_equal(place_of(two, &both, key), 1 - place_of(other, &both, key));
    balance_destroy(two);
    balance_destroy(other);
}

static void test_names_given_twice(void **state)
{
    (void)state;
    struct str twice[] = {STR("http://a"), STR("http://b"), STR("http://a")};
    struct balance *b = balance_create(twice, NULL, 3);
    struct balance_set all = first(3);
    size_t seen[3] = {0};
    for (int key = 0; key < KEYS; key++)
        seen[place_of(b, &all, key)]++;
    for (size_t i = 0; i < 3; i++)
        assert_true(seen[i] > KEYS * 3 / 10);
    balance_destroy(b);
}

static void test_after(void **state)
{
    (void)state;
    struct balance *b = make(3, NULL);
    struct balance_set some = first(3);
    assert_int_equal(balance_after(b, &some, 0), 1);
    assert_int_equal(balance_after(b, &some, 2), 0);
    balance_set_remove(&some, 0);
    assert_int_equal(balance_after(b, &some, 2), 1);
    balance_set_remove(&some, 1);
    assert_int_equal(balance_after(b, &some, 2), 2);
    balance_set_remove(&some, 2);
    assert_true(balance_after(b, &some, 2) == BALANCE_NONE);
    balance_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_turns_among_some),
        cmocka_unit_test(test_turns_go_on),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_hash_shares),
        cmocka_unit_test(test_hash_is_consistent),
        cmocka_unit_test(test_names_given_twice),
        cmocka_unit_test(test_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
