#include "server/start.h"
#include "server/worker.h"

static int run(struct launch *l)
{
    return worker_run(l, &(const struct launch_seat){.role = LAUNCH_WORKER});
}

static void test_without_pages(void **state)
{
    (void)state;
    struct config config = {.limits.store_map_mb = 1};
    struct launch l = {.config = &config, .workers = 1, .store_dir = (char[]){"/absent"}};
    start_fails(run, &l, -1, RLIM_INFINITY, EXIT_FAILURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_without_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
