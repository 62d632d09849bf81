/* The VM over a long time: memory levels off, requests in great number at once, realms come and go. */
#include "script/script_fixture.h"

/* Under AddressSanitizer: what is freed is kept back for a while, which would look like a leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64";
}

enum { WARM_UP = 5000, REQUESTS = 20000, GROWTH_KIB = 24 * 1024, AT_ONCE = 500 };

static long resident_kib(void)
{
    long size = 0;
    long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2); /* NOLINT(cert-err34-c) */
    (void)fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static const char *const MIXED =
    "import { hmac } from 'dgate/crypto';\n"
    "export async function requestHandler(ctx: any) {\n"
    "  const r = ctx.request(); const body = r.readJson(); body.seen = [r.method, "
    "r.headers.get('x-a'), ctx.pathParam('id'), ctx.query().get('a')];\n"
    "  ctx.set('k', body); await null; ctx.response().headers.set('X-H', hmac('sha256', 'k', "
    "r.path, 'hex'));\n"
    "  ctx.response().status(201).json(body); }";

static void one_request(struct fixture *f)
{
    fixture_begin(f);
    f->x.request_body = (struct script_body){
        .collected = true,
        .bytes = STR("{\"list\":[1,2,3],\"text\":\"\xc3\xa4\xc3\xb6 and more text\"}")};
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    assert_int_equal(f->status, SCRIPT_OK);
}

static void memory_levels_off(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f, MIXED);
    for (int i = 0; i < WARM_UP; i++)
        one_request(f);
    const long before = resident_kib();
    for (int i = 0; i < REQUESTS; i++)
        one_request(f);
    const long after = resident_kib();
    print_message("%ld KiB, then %ld KiB\n", before, after);
    assert_true(after - before < GROWTH_KIB);
    assert_false(script_vm_wants_restart(f->vm));
    fixture_destroy(f);
}

struct waiting {
    struct script_exchange x;
    struct arena arena;
    struct script_run *run;
    unsigned *left;
};

static void on_done(void *user, const struct script_outcome *outcome)
{
    struct waiting *w = user;
    assert_int_equal(outcome->status, SCRIPT_OK);
    script_run_destroy(w->run);
    buf_finish(&w->x.response_body);
    arena_finish(&w->arena);
    (*w->left)--;
}

static void many_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f,
                   "import { asyncSleep } from 'dgate';\nexport async function requestHandler(ctx: "
                   "any) { await asyncSleep(0.005); ctx.response().send(ctx.id); }");
    fixture_begin(f);
    struct waiting *all = mem_calloc(AT_ONCE, sizeof(*all));
    unsigned left = AT_ONCE;
    for (size_t i = 0; i < AT_ONCE; i++) {
        arena_init(&all[i].arena, 1 << 20);
        all[i].left = &left;
        all[i].x = f->x;
        all[i].x.arena = &all[i].arena;
        all[i].run = script_run_create(f->program, &all[i].x, &all[i].arena);
        script_run_call(all[i].run, SCRIPT_REQUEST_HANDLER, STR(""), on_done, &all[i]);
    }
    while (left > 0)
        loop_turn(f->loop, true);
    free(all);
    fixture_destroy(f);
}

/* A change of a module makes a new program; the old one goes with its last request. */
static void programs_are_replaced(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    fixture_module(f,
                   "import { asyncSleep } from 'dgate';\nexport async function requestHandler(ctx: "
                   "any) { await asyncSleep(0.01); ctx.response().send('old'); }");
    fixture_begin(f);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    script_program_unref(f->program);
    f->program = NULL;
    f->module_count = 0;
    free(f->modules[0].name);
    json_decref(f->modules[0].compiled);
    struct script_run *old = f->run;
    fixture_wait(f);
    assert_string_equal(buf_cstr(&f->x.response_body), "old");
    assert_ptr_equal(old, f->run);
    fixture_module(f, "export const requestHandler = (ctx: any) => ctx.response().send('new');");
    assert_string_equal(fixture_handle(f), "new");
    fixture_destroy(f);
}

static void a_vm_without_programs_is_cheap(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    const struct script_limits limits = {.cpu_ms = 100};
    const struct script_host host = {0};
    struct script_vm *vm = script_vm_create(loop, &limits, &host);
    assert_false(script_vm_wants_restart(vm));
    script_vm_destroy(vm);
    script_vm_destroy(NULL);
    loop_destroy(loop);
}

/* The lock of one is given back when the other is entered, and turns of their loops end in any order. More names of properties
 * than the engine keeps at hand. */
static void two_vms_of_a_thread(void **state)
{
    (void)state;
    struct fixture *f[2] = {fixture_create(NULL), fixture_create(NULL)};
    static const char source[] =
        "let n = 0; const all: any = {};\n"
        "export const requestHandler = (ctx: any) => {\n"
        "    for (let i = 0; i < 1000; i++) all['name' + n++] = n;\n"
        "    let found = 0;\n"
        "    for (let i = 0; i < n; i++) if (all['name' + i] === i + 1) found++;\n"
        "    ctx.response().send(String(found));\n"
        "};";
    fixture_module(f[0], source);
    fixture_module(f[1], source);
    for (int n = 1; n <= 12; n++) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "%d", n * 1000);
        assert_string_equal(fixture_handle(f[0]), expected);
        assert_string_equal(fixture_handle(f[1]), expected);
        if (n % 3 == 0)
            loop_turn(f[n % 2]->loop, false);
    }
    fixture_destroy(f[0]);
    assert_string_equal(fixture_handle(f[1]), "13000");
    fixture_destroy(f[1]);
}

static void functions_have_names(void **state)
{
    (void)state;
    assert_true(str_eq(script_function_name(SCRIPT_FETCH_UPSTREAM), STR("fetchUpstream")));
    assert_true(str_eq(script_function_name(SCRIPT_REQUEST_HANDLER), STR("requestHandler")));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(memory_levels_off),     cmocka_unit_test(many_at_once),
    cmocka_unit_test(programs_are_replaced), cmocka_unit_test(a_vm_without_programs_is_cheap),
    cmocka_unit_test(two_vms_of_a_thread),   cmocka_unit_test(functions_have_names),
};

FIXTURE_MAIN(tests)
