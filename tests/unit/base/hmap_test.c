#include "base/hmap.h"
#include "testing.h"

struct item {
    struct hmap_node node;
    char name[16];
    bool seen;
};

enum { ITEMS = 1000 };

static struct item *item_of(struct hmap_node *n)
{
    return container_of(n, struct item, node);
}

static struct item *make_items(void)
{
    struct item *items = calloc(ITEMS, sizeof(*items));
    assert_non_null(items);
    for (size_t i = 0; i < ITEMS; i++)
        (void)snprintf(items[i].name, sizeof(items[i].name), "key-%zu", i);
    return items;
}

static void test_empty(void **state)
{
    (void)state;
    struct hmap m = {0};
    assert_null(hmap_get(&m, STR("x")));
    assert_null(hmap_any(&m));
    assert_null(hmap_first(&m));
    hmap_for_each (n, &m) {
        fail();
    }
    hmap_finish(&m);
}

static void test_add_get_remove(void **state)
{
    (void)state;
    struct hmap m;
    hmap_init(&m);
    struct item *items = make_items();
    for (size_t i = 0; i < ITEMS; i++) {
        hmap_add(&m, &items[i].node, str_of(items[i].name));
        assert_int_equal(m.count, i + 1);
    }
    for (size_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(hmap_get(&m, str_of(items[i].name)), &items[i].node);
    assert_null(hmap_get(&m, STR("key-")));
    assert_null(hmap_get(&m, STR("key-1000")));

    for (size_t i = 0; i < ITEMS; i += 2)
        hmap_remove(&m, &items[i].node);
    assert_int_equal(m.count, ITEMS / 2);
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(hmap_get(&m, str_of(items[i].name)) != NULL, i % 2 == 1);

    size_t seen = 0;
    hmap_for_each (n, &m) {
        assert_false(item_of(n)->seen);
        item_of(n)->seen = true;
        seen++;
    }
    assert_int_equal(seen, ITEMS / 2);

    for (struct hmap_node *n = hmap_any(&m); n != NULL; n = hmap_any(&m))
        hmap_remove(&m, n);
    assert_int_equal(m.count, 0);
    assert_null(hmap_get(&m, STR("key-1")));
    hmap_add(&m, &items[1].node, str_of(items[1].name));
    assert_ptr_equal(hmap_get(&m, STR("key-1")), &items[1].node);
    hmap_finish(&m);
    free(items);
}

static void test_keys_are_bytes(void **state)
{
    (void)state;
    struct hmap m;
    hmap_init(&m);
    struct hmap_node empty = {0};
    struct hmap_node with_nul = {0};
    struct hmap_node other_nul = {0};
    hmap_add(&m, &empty, (struct str){NULL, 0});
    hmap_add(&m, &with_nul, STR("a\0b"));
    hmap_add(&m, &other_nul, STR("a\0c"));
    assert_ptr_equal(hmap_get(&m, STR("")), &empty);
    assert_ptr_equal(hmap_get(&m, STR("a\0b")), &with_nul);
    assert_ptr_equal(hmap_get(&m, STR("a\0c")), &other_nul);
    assert_null(hmap_get(&m, STR("a")));
    hmap_finish(&m);
}

/* Emptying remembers where it was; what is added in front of that is found too. */
static void test_any_between_adds(void **state)
{
    (void)state;
    struct hmap m;
    hmap_init(&m);
    struct item *items = make_items();
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < ITEMS; i += 2)
            hmap_add(&m, &items[i].node, str_of(items[i].name));
        for (size_t i = 0; i < ITEMS / 4; i++)
            hmap_remove(&m, hmap_any(&m));
        for (size_t i = 1; i < ITEMS; i += 2)
            hmap_add(&m, &items[i].node, str_of(items[i].name));
        size_t left = 0;
        for (struct hmap_node *n = hmap_any(&m); n != NULL; n = hmap_any(&m), left++)
            hmap_remove(&m, n);
        assert_int_equal(left, ITEMS - ITEMS / 4);
        assert_int_equal(m.count, 0);
    }
    hmap_finish(&m);
    free(items);
}

static void add_twice(void *arg)
{
    struct hmap_node second = {0};
    hmap_add(arg, &second, STR("x"));
}

static void remove_stranger(void *arg)
{
    struct hmap_node stranger = {0};
    hmap_remove(arg, &stranger);
}

static void test_asserts(void **state)
{
    (void)state;
    struct hmap m;
    hmap_init(&m);
    struct hmap_node n = {0};
    hmap_add(&m, &n, STR("x"));
    assert_aborts(add_twice, &m);
    assert_aborts(remove_stranger, &m);
    hmap_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_add_get_remove),
        cmocka_unit_test(test_any_between_adds),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_asserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
