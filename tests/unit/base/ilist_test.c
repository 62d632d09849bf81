#include "base/ilist.h"
#include "testing.h"

struct item {
    int id;
    struct ilist_node node;
};

static int id_of(struct ilist_node *n)
{
    assert_non_null(n);
    return container_of(n, struct item, node)->id;
}

static void assert_ids(struct ilist *l, const char *expected)
{
    char text[32] = "";
    size_t len = 0;
    ilist_for_each (n, l) {
        assert_true(len + 1 < sizeof(text));
        text[len++] = (char)('0' + id_of(n));
    }
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void test_order(void **state)
{
    (void)state;
    struct ilist l;
    ilist_init(&l);
    assert_true(ilist_empty(&l));
    assert_null(ilist_pop(&l));
    struct item items[] = {{.id = 0}, {.id = 1}, {.id = 2}, {.id = 3}};
    ilist_push(&l, &items[1].node);
    ilist_push(&l, &items[2].node);
    ilist_push_front(&l, &items[0].node);
    ilist_push(&l, &items[3].node);
    assert_ids(&l, "0123");
    assert_false(ilist_empty(&l));

    ilist_remove(&items[2].node);
    assert_false(ilist_linked(&items[2].node));
    ilist_remove(&items[2].node);
    assert_ids(&l, "013");
    assert_int_equal(id_of(ilist_pop(&l)), 0);
    ilist_push(&l, &items[0].node);
    assert_ids(&l, "130");
}

static void test_push_front_to_empty(void **state)
{
    (void)state;
    struct ilist l;
    ilist_init(&l);
    struct item a = {.id = 1};
    struct item b = {.id = 2};
    ilist_push_front(&l, &a.node);
    ilist_push_front(&l, &b.node);
    assert_ids(&l, "21");
}

static void test_remove_while_iterating(void **state)
{
    (void)state;
    struct ilist l;
    ilist_init(&l);
    struct item items[6];
    for (int i = 0; i < 6; i++) {
        items[i] = (struct item){.id = i};
        ilist_push(&l, &items[i].node);
    }
    ilist_for_each_safe (n, next, &l) {
        if (id_of(n) % 2 == 0)
            ilist_remove(n);
    }
    assert_ids(&l, "135");
    ilist_for_each_safe (n, next, &l) {
        ilist_remove(n);
    }
    assert_true(ilist_empty(&l));
    ilist_for_each_safe (n, next, &l) {
        fail();
    }
}

static void test_move_between_lists(void **state)
{
    (void)state;
    struct ilist from;
    struct ilist to;
    ilist_init(&from);
    ilist_init(&to);
    struct item a = {.id = 1};
    ilist_push(&from, &a.node);
    ilist_remove(&a.node);
    ilist_push(&to, &a.node);
    assert_ids(&from, "");
    assert_ids(&to, "1");
}

struct owner {
    int id;
    struct ilist list;
};

/* From the end, through a second list. With gcc 12.2, -O2 and strict aliasing this never came to its end. */
static void __attribute__((noinline)) insert_sorted(struct owner *o, struct item *item)
{
    struct ilist later;
    struct ilist_node *n = NULL;
    ilist_init(&later);
    while (!ilist_empty(&o->list)) {
        n = o->list.head.prev;
        if (container_of(n, struct item, node)->id <= item->id)
            break;
        ilist_remove(n);
        ilist_push_front(&later, n);
    }
    ilist_push(&o->list, &item->node);
    while ((n = ilist_pop(&later)) != NULL)
        ilist_push(&o->list, n);
}

static void test_sorted_insert(void **state)
{
    (void)state;
    struct owner o = {0};
    struct item items[] = {{.id = 1}, {.id = 4}, {.id = 3}, {.id = 2}};
    ilist_init(&o.list);
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        insert_sorted(&o, &items[i]);
    assert_ids(&o.list, "1234");
}

static void push_again(void *arg)
{
    struct ilist other;
    ilist_init(&other);
    ilist_push(&other, arg);
}

static void push_front_again(void *arg)
{
    struct ilist other;
    ilist_init(&other);
    ilist_push_front(&other, arg);
}

static void test_asserts(void **state)
{
    (void)state;
    struct ilist l;
    ilist_init(&l);
    struct item a = {.id = 1};
    ilist_push(&l, &a.node);
    assert_aborts(push_again, &a.node);
    assert_aborts(push_front_again, &a.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_push_front_to_empty),
        cmocka_unit_test(test_remove_while_iterating),
        cmocka_unit_test(test_move_between_lists),
        cmocka_unit_test(test_sorted_insert),
        cmocka_unit_test(test_asserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
