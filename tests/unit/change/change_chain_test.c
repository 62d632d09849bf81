#include "base/container.h"
#include "change/change_chain.h"
#include "import_chains.h"
#include "testing.h"

enum { MODULES_MAX = 8 };

/* A route whose modules all export fetchUpstream. */
struct route {
    struct model_route route;
    struct change_module modules[MODULES_MAX];
    const struct change_module *facts[MODULES_MAX];
    char names[MODULES_MAX][2];
    char import_names[128][4];
    size_t import_count;
    char told[MODULES_MAX + 1]; /* modules of conflicts */
};

static void add_module(struct route *r, char name, const char *imports, size_t count)
{
    const size_t i = r->route.modules.n;
    struct change_module *m = &r->modules[i];
    m->chooses_upstream = true;
    r->names[i][0] = name;
    vec_push(&r->route.modules, r->names[i]);
    r->facts[i] = m;
    for (size_t k = 0; k < count; k++) {
        char *to = r->import_names[r->import_count++];
        (void)snprintf(to, sizeof(r->import_names[0]), "./%c", imports[k]);
        const struct change_import import = {.name = to};
        vec_push(&m->imports, import);
    }
}

static void add_modules(struct route *r, const char *modules)
{
    while (*modules != '\0') {
        const size_t len = strcspn(modules, " ");
        const bool imports = len > 2;
        add_module(r, modules[0], modules + 2, imports ? len - 2 : 0);
        modules += len + (modules[len] == ' ');
    }
}

static void finish(struct route *r)
{
    for (size_t i = 0; i < r->route.modules.n; i++)
        vec_finish(&r->modules[i].imports);
    vec_finish(&r->route.modules);
}

static void on_problem(void *user, size_t index, size_t other, const char *text)
{
    struct route *r = user;
    assert_non_null(strstr(text, "both export fetchUpstream"));
    assert_int_not_equal(index, other);
    if (r->told[0] == '\0')
        r->told[0] = r->names[other][0];
    r->told[strlen(r->told)] = r->names[index][0];
}

/* The conflicts of those that are called with one more, which is called whatever they import. */
static void modules_that_are_called_conflict(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(IMPORT_CHAINS); i++) {
        char name[] = "r";
        char ns[] = "default";
        char expected[MODULES_MAX + 1];
        struct route r = {.route = {.name = name, .ns = ns}};
        add_modules(&r, IMPORT_CHAINS[i].modules);
        add_module(&r, 'z', NULL, 0);
        (void)snprintf(expected, sizeof(expected), "%sz", IMPORT_CHAINS[i].called);
        change_chain_check(&r.route, r.facts, on_problem, &r);
        if (strcmp(r.told, expected) != 0)
            print_error("%s\n", IMPORT_CHAINS[i].modules);
        assert_string_equal(r.told, expected);
        finish(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_that_are_called_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
