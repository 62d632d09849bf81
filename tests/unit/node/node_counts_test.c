#include <sys/mman.h>

#include "node/node_counts.h"
#include "node/node_slots.h"
#include "testing.h"

enum { SLOTS = 16, WORKERS = 3 };

static struct node_counts counts;
static void *memory;

static int setup(void **state)
{
    (void)state;
    memory = mmap(NULL, node_counts_size(SLOTS, WORKERS), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    node_counts_attach(&counts, memory, SLOTS, WORKERS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)munmap(memory, node_counts_size(SLOTS, WORKERS));
    return 0;
}

static void test_workers_are_summed(void **state)
{
    (void)state;
    uint32_t sum = 0;
    uint32_t a = node_counts_add(&counts, 0, 100, &sum);
    assert_int_equal(sum, 1);
    uint32_t b = node_counts_add(&counts, 1, 100, &sum);
    assert_int_equal(sum, 2);
    assert_int_equal(a, b);
    (void)node_counts_add(&counts, 1, 100, &sum);
    assert_int_equal(sum, 3);
    (void)node_counts_add(&counts, 1, 101, &sum);
    assert_int_equal(sum, 1);
    node_counts_drop(&counts, 0, a);
    assert_int_equal(node_counts_sum(&counts, 100), 2);
    node_counts_forget(&counts, 1);
    assert_int_equal(node_counts_sum(&counts, 100), 0);
    assert_int_equal(node_counts_sum(&counts, 101), 0);
    assert_int_equal(node_counts_sum(&counts, 999), 0);
}

static void test_only_unused_slots_are_given_away(void **state)
{
    (void)state;
    uint32_t slots[NODE_WAYS];
    uint32_t sum = 0;
    for (uint64_t i = 0; i < NODE_WAYS; i++)
        slots[i] = node_counts_add(&counts, 0, (i + 1) * SLOTS, &sum);
    assert_int_equal(node_counts_add(&counts, 0, 50 * SLOTS, &sum), NODE_COUNTS_NONE);
    assert_int_equal(sum, 1);
    node_counts_drop(&counts, 0, NODE_COUNTS_NONE);
    node_counts_drop(&counts, 0, slots[3]);
    assert_int_equal(node_counts_add(&counts, 0, 50 * SLOTS, &sum), slots[3]);
    assert_int_equal(node_counts_sum(&counts, 4 * SLOTS), 0);
    assert_int_equal(node_counts_sum(&counts, 50 * SLOTS), 1);
    assert_int_equal(node_counts_sum(&counts, 1 * SLOTS), 1);
}

/* Adds and drops more keys than there are slots until it is killed. */
static void churn(uint32_t worker)
{
    uint32_t held[4];
    for (uint64_t n = 0;; n++) {
        uint32_t sum = 0;
        for (int i = 0; i < 4; i++)
            held[i] = node_counts_add(&counts, worker, 10 + (n * 7 + (uint64_t)i * 3) % 40, &sum);
        for (int i = 0; i < 4; i++)
            node_counts_drop(&counts, worker, held[i]);
    }
}

static void test_killed_workers_leave_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        pid_t pids[2];
        for (uint32_t w = 0; w < 2; w++) {
            pids[w] = fork();
            if (pids[w] == 0)
                churn(w);
        }
        uint32_t sum = 0;
        for (int i = 0; i < 20000; i++)
            node_counts_drop(&counts, 2, node_counts_add(&counts, 2, 10 + (uint64_t)i % 40, &sum));
        for (uint32_t w = 0; w < 2; w++) {
            (void)kill(pids[w], SIGKILL);
            assert_int_equal(waitpid(pids[w], NULL, 0), pids[w]);
            node_counts_forget(&counts, w);
        }
        for (uint64_t key = 10; key < 50; key++)
            assert_int_equal(node_counts_sum(&counts, key), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_workers_are_summed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_unused_slots_are_given_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_workers_leave_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
