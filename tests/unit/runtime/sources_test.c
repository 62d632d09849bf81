#include <fcntl.h>
#include <sys/stat.h>

#include "base/container.h"
#include "runtime/sources.h"
#include "testing.h"

static char folder[] = "/tmp/dgate-sources-XXXXXX";

static void write_file(const char *name)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static const char *const FILES[] = {"a.ts",   "lib/b.js",      "lib/c.d.ts",
                                    "top.js", "lib/deep/d.ts", "gr\u00f6\u00dfe.ts"};

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return -1;
    (void)mkdir("lib", 0700);
    (void)mkdir("lib/deep", 0700);
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        write_file(FILES[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        (void)unlink(FILES[i]);
    (void)rmdir("lib/deep");
    (void)rmdir("lib");
    return chdir("/") != 0 || rmdir(folder) != 0 ? -1 : 0;
}

static void finds_what_imports_mean(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *name;
        const char *found; /* NULL: nothing */
    } rows[] = {
        {"a.ts", "./lib/b", "lib/b.js"},
        {"a.ts", "./lib/b.js", "lib/b.js"},
        {"a.ts", "./lib/b.ts", "lib/b.js"},
        {"a.ts", "./lib/deep/../b", "lib/b.js"},
        {"a.ts", "./lib", NULL},
        {"a.ts", "./gone", NULL},
        {"a.ts", "lib/b", "lib/b.js"},
        {"lib/b.js", "../a", "a.ts"},
        {"lib/b.js", "../a.js", "a.ts"},
        {"lib/b.js", "../gr\u00f6\u00dfe.js", "gr\u00f6\u00dfe.ts"},
        {"a.ts", "./a.js.ts", NULL},
        {"lib/b.js", "./deep/d", "lib/deep/d.ts"},
        {"lib/deep/d.ts", "top", "top.js"},
        {"lib/deep/d.ts", "d", "lib/deep/d.ts"},
        {"lib/deep/d.ts", "b", NULL},
        {"a.ts", "dgate", NULL},
        {"a.ts", "dgate/http", NULL},
        {"a.ts", "node:url", NULL},
    };
    struct model_problems problems = {0};
    struct sources *s = sources_create(NULL, ".", 100);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source *from = sources_read(s, rows[i].from, &problems);
        assert_non_null(from);
        const struct source *found = sources_find(s, from, rows[i].name, &problems);
        const char *name = found != NULL ? found->name : "nothing";
        if (strcmp(name, rows[i].found != NULL ? rows[i].found : "nothing") != 0)
            fail_msg("%s in %s: %s", rows[i].name, rows[i].from, name);
    }
    assert_int_equal(problems.n, 0);
    sources_destroy(s);
}

static void names_files_by_their_root(void **state)
{
    (void)state;
    struct model_problems problems = {0};
    struct sources *s = sources_create(NULL, "lib/", 100);
    const struct source *b = sources_read(s, "./lib//b.js", &problems);
    const struct source *a = sources_read(s, "a.ts", &problems);
    assert_string_equal(b->name, "b.js");
    assert_string_equal(a->name, "../a.ts");
    assert_string_equal(sources_show(s, b), "lib/b.js");
    assert_ptr_equal(sources_read(s, "lib/../lib/b.js", &problems), b);
    assert_null(sources_read(s, "gone.ts", &problems));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.v[0].path, "gone.ts");
    sources_destroy(s);
    s = sources_create(NULL, ".", 0);
    assert_null(sources_read(s, "a.ts", &problems));
    assert_non_null(strstr(problems.v[1].text, "more than 0 bytes"));
    sources_destroy(s);
    model_problems_finish(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_imports_mean),
        cmocka_unit_test(names_files_by_their_root),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
