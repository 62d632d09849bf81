#include "base/mem.h"
#include "server/control.h"
#include "server/pages.h"
#include "server/start.h"
#include "store/store.h"
#include "store/store_temp.h"

enum { MAP_MB = 8 };

static char dir[STORE_TEMP_SIZE];

static int setup(void **state)
{
    (void)state;
    store_temp_create(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_temp_remove(dir);
    return 0;
}

static void start(const char *store_dir, bool pages, rlim_t file_max)
{
    struct config config = {.limits.store_map_mb = MAP_MB};
    struct launch l = {.config = &config, .workers = 1, .store_dir = mem_strdup(store_dir)};
    struct pages *p = NULL;
    struct err e = {0};
    int fd = -1;
    if (pages && pages_make(LAUNCH_SLOTS_PER_WORKER, &fd, &p, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    start_fails(control_run, &l, fd, file_max, LAUNCH_EXIT_REFUSED);
    free(l.store_dir);
    pages_unmap(p);
    if (fd >= 0)
        (void)close(fd);
}

static void test_without_pages(void **state)
{
    (void)state;
    start(dir, false, RLIM_INFINITY);
}

static void test_without_a_store(void **state)
{
    (void)state;
    char file[STORE_TEMP_SIZE + 8];
    (void)snprintf(file, sizeof(file), "%s/file", dir);
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    (void)fclose(f);
    start(file, true, RLIM_INFINITY);
}

/* The store opens, but takes nothing. */
static void test_without_an_engine(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct err e = {0};
    if (store_open(dir, STORE_READ_WRITE, (size_t)MAP_MB * 1024 * 1024, &store, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    store_close(store);
    start(dir, true, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_without_pages),
        T(test_without_a_store),
        T(test_without_an_engine),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
