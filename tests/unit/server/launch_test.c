#include "base/container.h"
#include "base/mem.h"
#include "codec/yaml.h"
#include "io/shm.h"
#include "server/launch.h"
#include "testing.h"

static struct config *make_config(void)
{
    struct err e = {0};
    struct config *c = NULL;
    json_t *keys = yaml_parse(STR("version: v1\nworkers: 3\n"), NULL, NULL, NULL, &e);
    assert_non_null(keys);
    json_t *json = json_pack("{s:s, s:o}", "file", "x.yaml", "keys", keys);
    if (config_from_json(json, &c, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    json_decref(json);
    return c;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct launch l = {.config = make_config(),
                       .workers = 3,
                       .store_dir = mem_strdup("/a/directory"),
                       .token = "0123456789abcdef0123456789abcdef",
                       .address = "\0\xff\x80"
                                  "a1",
                       .address_len = 5,
                       .proxy_port = 80,
                       .admin_port = 65535,
                       .test_port = 1};
    struct launch got = {0};
    struct err e = {0};
    int fd = -1;
    assert_int_equal(launch_write(&l, &fd, &e), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(launch_read(fd, &got, &e), ERR_OK);
        assert_int_equal(got.workers, 3);
        assert_int_equal(got.config->workers, 3);
        assert_string_equal(got.config->file, "x.yaml");
        assert_string_equal(got.store_dir, l.store_dir);
        assert_string_equal(got.token, l.token);
        assert_int_equal(got.address_len, 5);
        assert_memory_equal(got.address, l.address, 5);
        assert_int_equal(got.proxy_port, 80);
        assert_int_equal(got.admin_port, 65535);
        assert_int_equal(got.test_port, 1);
        launch_finish(&got);
        launch_finish(&got);
    }
    launch_finish(&l);
    (void)close(fd);
}

static void test_not_ours(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"store_dir\": 3}"};
    struct launch got = {0};
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int fd = -1;
        assert_int_equal(shm_put_text("test", str_of(texts[i]), &fd, &e), ERR_OK);
        assert_int_equal(launch_read(fd, &got, &e), ERR_INTERNAL);
        (void)close(fd);
    }
    assert_int_equal(launch_read(-1, &got, &e), ERR_IO);
    assert_null(got.config);
}

static void test_roles(void **state)
{
    (void)state;
    static const enum launch_role roles[] = {LAUNCH_CONTROL, LAUNCH_WORKER, LAUNCH_COMPILER};
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        char text[LAUNCH_ROLE_SIZE];
        const char *args[4];
        struct launch_seat seat = {0};
        pid_t parent = 0;
        const struct launch_seat wanted = {.role = roles[i], .index = 255, .slot = 511};
        launch_args(&wanted, text, args);
        assert_string_equal(args[1], "--role");
        assert_ptr_equal(args[2], text);
        assert_null(args[3]);
        assert_true(launch_parse_role(text, &seat, &parent));
        assert_int_equal(seat.role, roles[i]);
        assert_int_equal(seat.index, 255);
        assert_int_equal(seat.slot, 511);
        assert_int_equal(parent, getpid());
    }
}

static void test_roles_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        ":",
                                        "worker",
                                        "worker:1",
                                        "worker:1:",
                                        "worker:1:1",
                                        "worker:1:1:",
                                        "worker::1:1",
                                        "worker:1::1",
                                        "worker:x:1:1",
                                        "worker:1:x:1",
                                        "worker:1:1:x",
                                        "worker:257:1:1",
                                        "worker:1:513:1",
                                        "worker:1:1:99999999999",
                                        "worker:1:1:1:1",
                                        "Worker:1:1:1",
                                        "workers:1:1:1",
                                        "worker:-1:1:1",
                                        "supervisor:0:0:1"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct launch_seat seat = {0};
        pid_t parent = 0;
        if (launch_parse_role(texts[i], &seat, &parent))
            fail_msg("took \"%s\"", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_roles_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
