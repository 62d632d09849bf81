/* What it costs to go between C and JavaScript: nanoseconds of CPU time per operation, the least of several rounds, so
 * that other programs on the machine hardly show. The first group is the engine alone, the second the calls of modules
 * as a worker makes them: a request that begins, one call, and its end. docs/performance.md has reference values.
 *
 *     cmake --build build --target crossings && build/bin/crossings [PART OF A NAME]
 */
#include <JavaScriptCore/JavaScript.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "io/loop.h"
#include "script/jsc_private.h"
#include "script/script.h"

enum { ROUNDS = 25, OPERATIONS = 20000, BODY_MAX = 1 << 20, ARENA_MAX = 4 << 20 };

static const char *wanted = "";

static double cpu_ns(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return ((double)t.tv_sec * 1e9) + (double)t.tv_nsec;
}

/* Runs operation(user), which does its work per_run times, in rounds and prints the best round's time of one. */
static void measure(const char *name, void (*operation)(void *user), void *user, int per_run)
{
    if (strstr(name, wanted) == NULL)
        return;
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        const double began = cpu_ns();
        for (int i = 0; i < OPERATIONS / per_run; i++)
            operation(user);
        const double ns = (cpu_ns() - began) / OPERATIONS;
        best = ns < best ? ns : best;
    }
    printf("%-40s %7.0f ns\n", name, best);
}

/* ---- the engine alone ---- */

static JSGlobalContextRef ctx;

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static JSObjectRef function_of(const char *source)
{
    JSStringRef text = JSStringCreateWithUTF8CString(source);
    const JSValueRef v = JSEvaluateScript(ctx, text, NULL, NULL, 1, NULL);
    JSStringRelease(text);
    if (v == NULL)
        fail(source);
    JSValueProtect(ctx, v);
    return JSValueToObject(ctx, v, NULL);
}

static void call_js(void *function)
{
    (void)JSObjectCallAsFunction(ctx, function, NULL, 0, NULL, NULL);
}

static void loop_js(void *function)
{
    const JSValueRef n = JSValueMakeNumber(ctx, OPERATIONS);
    if (JSObjectCallAsFunction(ctx, function, NULL, 1, &n, NULL) == NULL)
        fail("a loop");
}

#define HOST_FUNCTION(name)                                                                        \
    static JSValueRef name(JSContextRef c, JSObjectRef function, JSObjectRef this, size_t argc,    \
                           const JSValueRef argv[], JSValueRef *exception)

HOST_FUNCTION(nothing)
{
    (void)function, (void)this, (void)argc, (void)argv, (void)exception;
    return JSValueMakeUndefined(c);
}

HOST_FUNCTION(take_number)
{
    (void)function, (void)this, (void)argc, (void)exception;
    return JSValueMakeNumber(c, JSValueToNumber(c, argv[0], NULL));
}

HOST_FUNCTION(take_string)
{
    (void)function, (void)this, (void)argc, (void)exception;
    JSStringRef s = JSValueToStringCopy(c, argv[0], NULL);
    const size_t length = JSStringGetCharactersPtr(s)[0];
    JSStringRelease(s);
    return JSValueMakeNumber(c, (double)length);
}

HOST_FUNCTION(give_string)
{
    (void)function, (void)this, (void)argc, (void)argv, (void)exception;
    JSStringRef s = JSStringCreateWithUTF8CString("the value of a header, 32 bytes.");
    const JSValueRef v = JSValueMakeString(c, s);
    JSStringRelease(s);
    return v;
}

static void install(const char *name, JSObjectCallAsFunctionCallback call)
{
    JSStringRef s = JSStringCreateWithUTF8CString(name);
    JSObjectRef function = JSObjectMakeFunctionWithCallback(ctx, s, call);
    JSObjectSetProperty(ctx, JSContextGetGlobalObject(ctx), s, function, 0, NULL);
    JSStringRelease(s);
}

static bool go_on(JSContextRef c, void *user)
{
    (void)c, (void)user;
    return false;
}

static void measure_engine(void)
{
    JSContextGroupRef group = JSContextGroupCreate();
    ctx = JSGlobalContextCreateInGroup(group, NULL);
    install("nothing", nothing);
    install("takeNumber", take_number);
    install("takeString", take_string);
    install("giveString", give_string);
    JSObjectRef empty = function_of("(function () {})");
    measure("C calls JS", call_js, empty, 1);
    JSContextGroupSetExecutionTimeLimit(group, 0.02, go_on, NULL);
    measure("C calls JS, with a CPU limit", call_js, empty, 1);
    static const struct {
        const char *name, *source;
    } loops[] = {
        {"JS calls C", "(function (n) { for (let i = 0; i < n; i++) nothing(); })"},
        {"JS calls C, 1 number in",
         "(function (n) { for (let i = 0; i < n; i++) takeNumber(i); })"},
        {"JS calls C, 1 string in", "(function (n) { for (let i = 0; i < n; i++) takeString('the "
                                    "value of a header, 32 bytes.'); })"},
        {"JS calls C, 1 string out", "(function (n) { let s = 0; for (let i = 0; i < n; i++) s += "
                                     "giveString().length; return s; })"},
    };
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        measure(loops[i].name, loop_js, function_of(loops[i].source), OPERATIONS);
    JSGlobalContextRelease(ctx);
    JSContextGroupRelease(group);
}

/* ---- calls of modules ---- */

struct bench {
    char empty[1];
    struct script_vm *vm;
    struct model_route route;
    struct model_module module;
    struct script_program *program;
    enum script_function function;
    bool done;
};

static void on_done(void *user, const struct script_outcome *outcome)
{
    struct bench *b = user;
    if (outcome->status != SCRIPT_OK) {
        (void)fprintf(stderr, "%.*s\n", STR_ARG(outcome->text));
        fail("a call");
    }
    b->done = true;
}

static void one_request(void *user)
{
    struct bench *b = user;
    struct arena arena;
    struct http_field fields[] = {
        {STR("User-Agent"), STR("bench/1.0"), HTTP_FIELD_OTHER},
        {STR("Accept"), STR("*/*"), HTTP_FIELD_OTHER},
        {STR("Authorization"), STR("Bearer 0123456789abcdef"), HTTP_FIELD_OTHER},
        {{0}, {0}, HTTP_FIELD_OTHER},
    };
    arena_init(&arena, ARENA_MAX);
    struct script_exchange x = {
        .arena = &arena,
        .id = STR("4c0adbd7cda687c74ff3d2ba9c343a91"),
        .method = STR("GET"),
        .path = STR("/things/42"),
        .host = STR("example.com"),
        .proto = STR("HTTP/1.1"),
        .remote_address = STR("10.0.0.7"),
        .content_length = -1,
        .request_fields = {.v = fields, .n = 3, .cap = ARRAY_LEN(fields)},
        .request_body = {.collected = true, .bytes = STR("{\"name\":\"lamp\",\"price\":3}")},
        .route = &b->route,
        .upstream_length = -1,
    };
    struct script_run *run = script_run_create(b->program, &x, &arena);
    b->done = false;
    script_run_call(run, b->function, (struct str){0}, on_done, b);
    if (!b->done)
        fail("a call that should not wait");
    script_run_destroy(run);
    buf_finish(&x.response_body);
    arena_finish(&arena);
}

static void measure_module(struct bench *b, const char *name, enum script_function f,
                           const char *body)
{
    char js[512];
    (void)snprintf(js, sizeof(js), "exports.%.*s = %s;", STR_ARG(script_function_name(f)), body);
    b->function = f;
    b->module = (struct model_module){
        .name = mem_strdup("m"),
        .ns = b->route.ns,
        .payload = b->empty,
        .compiled =
            json_pack("{s:s, s:s, s:[], s:[]}", "js", js, "map", "", "imports", "importPositions"),
    };
    const struct model_module *list[] = {&b->module};
    struct err e = {0};
    if (script_program_create(b->vm, &b->route, list, 1, &b->program, &e) != ERR_OK)
        fail(e.msg);
    measure(name, one_request, b, 1);
    script_program_unref(b->program);
    json_decref(b->module.compiled);
    free(b->module.name);
}

static void measure_modules(void)
{
    static const struct {
        const char *name;
        enum script_function function;
        const char *body;
    } rows[] = {
        {"module: empty requestModifier", SCRIPT_REQUEST_MODIFIER, "() => {}"},
        {"module: request().headers.set()", SCRIPT_REQUEST_MODIFIER,
         "(ctx) => { ctx.request().headers.set('X-Greeting', 'hello'); }"},
        {"module: request().headers.get()", SCRIPT_REQUEST_MODIFIER,
         "(ctx) => { ctx.request().headers.get('Authorization'); }"},
        {"module: request().path", SCRIPT_REQUEST_MODIFIER, "(ctx) => { ctx.request().path; }"},
        {"module: response().json()", SCRIPT_REQUEST_HANDLER,
         "(ctx) => { ctx.response().json({ name: 'lamp', price: 3 }); }"},
        {"module: request().readJson()", SCRIPT_REQUEST_HANDLER,
         "(ctx) => { ctx.request().readJson().price; }"},
        {"module: one await", SCRIPT_REQUEST_MODIFIER,
         "(ctx) => Promise.resolve(1).then(() => {})"},
    };
    struct loop *loop = loop_create();
    const struct script_limits limits = {
        .cpu_ms = 100,
        .wall_ms = 10000,
        .heap_bytes = (size_t)1 << 30,
        .body_max = BODY_MAX,
        .fetches = 32,
        .timers = 32,
        .log_rate = 100,
        .raise_max = 1,
        .cpu_ceiling_ms = 1000,
    };
    const struct script_host host = {0};
    struct bench b = {.vm = script_vm_create(loop, &limits, &host)};
    b.route.name = mem_strdup("api");
    b.route.ns = mem_strdup("default");
    b.route.service = b.empty;
    b.route.limit_by = b.empty;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        measure_module(&b, rows[i].name, rows[i].function, rows[i].body);
    free(b.route.name);
    free(b.route.ns);
    script_vm_destroy(b.vm);
    loop_destroy(loop);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        wanted = argv[1];
    script_vm_prepare_process();
    measure_engine();
    measure_modules();
    return 0;
}
