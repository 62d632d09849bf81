/* What the tests of modules share: a compiler process, a VM with a host that records, and calls that wait for their end.
 * A test program includes this once; script_fixture_start() must come first in main(), before any other use of the
 * engine, because it forks.
 */
#ifndef TESTS_SCRIPT_FIXTURE_H
#define TESTS_SCRIPT_FIXTURE_H

#include <JavaScriptCore/JavaScript.h>
#include <endian.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/json.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "script/compiler.h"
#include "script/fetch.h"
#include "script/script.h"

#define FIXTURE_USED __attribute__((unused))

static int fixture_compiler = -1;

/* cmocka takes over the signals by which the engine interrupts compiled code; each test gives them back. */
static const int FIXTURE_SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction fixture_actions[ARRAY_LEN(FIXTURE_SIGNALS)];

static void fixture_save_signals(void)
{
    script_vm_prepare_process();
    JSGlobalContextRef ctx = JSGlobalContextCreate(NULL);
    JSGlobalContextRelease(ctx);
    for (size_t i = 0; i < ARRAY_LEN(FIXTURE_SIGNALS); i++)
        (void)sigaction(FIXTURE_SIGNALS[i], NULL, &fixture_actions[i]);
}

static void fixture_restore_signals(void)
{
    for (size_t i = 0; i < ARRAY_LEN(FIXTURE_SIGNALS); i++)
        (void)sigaction(FIXTURE_SIGNALS[i], &fixture_actions[i], NULL);
}

FIXTURE_USED static void fixture_start(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    const pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        (void)close(ends[0]);
        const struct compiler_options options = {0};
        _exit(compiler_serve(ends[1], &options));
    }
    (void)close(ends[1]);
    fixture_compiler = ends[0];
    fixture_save_signals();
}

static void fixture_transfer(bool out, char *p, size_t len)
{
    while (len > 0) {
        const ssize_t n =
            out ? send(fixture_compiler, p, len, MSG_NOSIGNAL) : recv(fixture_compiler, p, len, 0);
        assert_true(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

/* The whole answer of the compiler; the caller releases it. */
FIXTURE_USED static json_t *fixture_answer(const char *name, const char *type, const char *source)
{
    json_t *request =
        json_pack("{s:i, s:s, s:s, s:s}", "id", 7, "name", name, "type", type, "source", source);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    uint32_t len = htole32((uint32_t)strlen(text));
    fixture_transfer(true, (char *)&len, sizeof(len));
    fixture_transfer(true, text, strlen(text));
    free(text);
    fixture_transfer(false, (char *)&len, sizeof(len));
    const uint32_t size = le32toh(len);
    char *answer = mem_alloc(size + 1U);
    fixture_transfer(false, answer, size);
    json_t *parsed = json_loadb(answer, size, 0, NULL);
    free(answer);
    assert_non_null(parsed);
    return parsed;
}

/* The compiled form; fails the test when there is none. */
FIXTURE_USED static json_t *fixture_compile(const char *name, const char *type, const char *source)
{
    json_t *answer = fixture_answer(name, type, source);
    if (!json_is_true(json_object_get(answer, "ok"))) {
        char *text = json_dumps(answer, JSON_COMPACT);
        print_error("%s\n", text);
        free(text);
        fail();
    }
    json_t *compiled = json_incref(json_object_get(answer, "compiled"));
    json_decref(answer);
    return compiled;
}

/* A question to the state that the test answers later. */
struct fixture_question {
    enum script_state_op op;
    char *args;
    char *module;
    script_state_done done;
    void *user;
};

enum { FIXTURE_MODULES = 8, FIXTURE_QUESTIONS = 16, FIXTURE_TEXT = 4096 };

struct fixture {
    struct loop *loop;
    struct resolver *resolver;
    struct script_vm *vm;
    struct script_limits limits;
    char log[64 * 1024]; /* "level module: text\n" */
    struct fixture_question questions[FIXTURE_QUESTIONS];
    size_t question_count;
    char running[256]; /* the function that ran last */
    unsigned entered;
    unsigned offences;
    uint64_t offender;
    char offender_text[256];
    unsigned renewals;
    bool keeps_program; /* when the VM is renewed */

    struct model_route route;
    struct model_service service;
    struct model_module modules[FIXTURE_MODULES];
    const struct model_module *list[FIXTURE_MODULES];
    size_t module_count;
    struct script_program *program;

    struct arena arena;
    struct arena run_memory;
    struct script_exchange x;
    struct script_run *run;

    bool done;
    enum script_status status;
    bool responded;
    enum script_limit limit;
    char text[FIXTURE_TEXT];
};

static void fixture_log(void *user, enum log_level level, const struct script_place *from,
                        struct str text)
{
    struct fixture *f = user;
    const size_t used = strlen(f->log);
    (void)snprintf(f->log + used, sizeof(f->log) - used, "%s %.*s: %.*s\n", log_level_name(level),
                   STR_ARG(from->module), STR_ARG(text));
}

static void fixture_state(void *user, const struct script_state_request *request,
                          script_state_done done, void *done_user)
{
    struct fixture *f = user;
    assert_true(f->question_count < FIXTURE_QUESTIONS);
    f->questions[f->question_count++] =
        (struct fixture_question){request->op, mem_dup(request->args.p, request->args.len),
                                  mem_dup(request->module.p, request->module.len), done, done_user};
}

static void fixture_running(void *user, const struct script_place *what)
{
    struct fixture *f = user;
    if (what == NULL)
        return;
    f->entered++;
    (void)snprintf(f->running, sizeof(f->running), "%.*s", STR_ARG(what->function));
}

static void fixture_offend(void *user, const struct script_place *who, uint32_t stops)
{
    struct fixture *f = user;
    f->offences++;
    f->offender = who->program;
    (void)snprintf(f->offender_text, sizeof(f->offender_text), "%.*s %.*s %.*s %.*s %u",
                   STR_ARG(who->ns), STR_ARG(who->route), STR_ARG(who->module),
                   STR_ARG(who->function), (unsigned)stops);
}

static void fixture_renewed(void *user)
{
    struct fixture *f = user;
    f->renewals++;
    if (!f->keeps_program)
        script_program_unref(f->program);
    if (!f->keeps_program)
        f->program = NULL;
}

/* So much that nothing but a loop without end passes them, on a busy machine and under sanitizers. */
FIXTURE_USED static struct script_limits fixture_limits(void)
{
    return (struct script_limits){
        .cpu_ms = 20000,
        .wall_ms = 20000,
        .heap_bytes = (size_t)1 << 30, /* AddressSanitizer keeps much of what is freed */
        .body_max = 1 << 20,
        .fetches = 32,
        .timers = 64,
        .log_rate = 1000,
    };
}

FIXTURE_USED static struct fixture *fixture_create(const struct script_limits *limits)
{
    fixture_restore_signals();
    struct fixture *f = mem_alloc(sizeof(*f));
    f->loop = loop_create();
    f->limits = limits != NULL ? *limits : fixture_limits();
    const struct resolver_options resolver = {
        .ttl_max_ms = 60000, .negative_ms = 1000, .timeout_ms = 500, .names_max = 100};
    f->resolver = resolver_create(f->loop, &resolver);
    const struct fetch_options fetch = {
        .resolver = f->resolver,
        .limits = {.line_max = 16384, .head_max = 16384, .fields_max = 100, .trailer_max = 4096},
        .connect_timeout_ms = 2000,
        .idle_timeout_ms = 2000,
        .keepalive_ms = 2000,
        .connections_max = 8,
        .queue_max = 100,
        .idle_max = 8,
    };
    const struct script_host host = {.user = f,
                                     .state = fixture_state,
                                     .log = fixture_log,
                                     .running = fixture_running,
                                     .offend = fixture_offend,
                                     .renewed = fixture_renewed,
                                     .fetch = &fetch};
    f->vm = script_vm_create(f->loop, &f->limits, &host);
    f->route.name = mem_strdup("api");
    f->route.ns = mem_strdup("default");
    f->route.service = mem_strdup("backend");
    f->route.limit_by = mem_strdup("");
    vec_push(&f->route.paths, mem_strdup("/things/{id}"));
    vec_push(&f->route.methods, mem_strdup("GET"));
    f->service.name = mem_strdup("backend");
    f->service.ns = mem_strdup("default");
    vec_push(&f->service.urls, mem_strdup("http://127.0.0.1:1"));
    f->service.retries = 2;
    return f;
}

static void fixture_free_strings(struct model_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    vec_finish(list);
}

FIXTURE_USED static void fixture_end_run(struct fixture *f)
{
    script_run_destroy(f->run);
    if (f->run != NULL) {
        buf_finish(&f->x.response_body);
        buf_finish(&f->x.request_body.written);
        buf_finish(&f->x.upstream_body.written);
        arena_finish(&f->arena);
        arena_finish(&f->run_memory);
    }
    f->run = NULL;
}

FIXTURE_USED static void fixture_drop_program(struct fixture *f)
{
    fixture_end_run(f);
    script_program_unref(f->program);
    f->program = NULL;
    for (size_t i = 0; i < f->module_count; i++) {
        free(f->modules[i].name);
        json_decref(f->modules[i].compiled);
    }
    f->module_count = 0;
}

FIXTURE_USED static void fixture_destroy(struct fixture *f)
{
    fixture_drop_program(f);
    script_vm_destroy(f->vm);
    resolver_destroy(f->resolver);
    loop_destroy(f->loop);
    for (size_t i = 0; i < f->question_count; i++) {
        free(f->questions[i].args);
        free(f->questions[i].module);
    }
    free(f->route.name);
    free(f->route.ns);
    free(f->route.service);
    free(f->route.limit_by);
    fixture_free_strings(&f->route.paths);
    fixture_free_strings(&f->route.methods);
    free(f->service.name);
    free(f->service.ns);
    fixture_free_strings(&f->service.urls);
    free(f);
}

/* Compiles a module and appends it to the route's list. */
FIXTURE_USED static void fixture_add(struct fixture *f, const char *name, const char *type,
                                     const char *source)
{
    assert_true(f->module_count < FIXTURE_MODULES);
    struct model_module *m = &f->modules[f->module_count];
    *m = (struct model_module){.name = mem_strdup(name),
                               .compiled = fixture_compile(name, type, source)};
    f->list[f->module_count++] = m;
}

FIXTURE_USED static enum err_code fixture_try_link(struct fixture *f, struct err *e)
{
    return script_program_create(f->vm, &f->route, f->list, f->module_count, &f->program, e);
}

FIXTURE_USED static void fixture_link(struct fixture *f)
{
    struct err e = {0};
    if (fixture_try_link(f, &e) != ERR_OK) {
        print_error("%s\n", e.msg);
        fail();
    }
}

/* One TypeScript module named "m", linked. */
FIXTURE_USED static void fixture_module(struct fixture *f, const char *source)
{
    fixture_drop_program(f);
    fixture_add(f, "m", "typescript", source);
    fixture_link(f);
}

FIXTURE_USED static void fixture_begin(struct fixture *f)
{
    fixture_end_run(f);
    static const struct script_param params[] = {{{"id", 2}, {"42", 2}}};
    arena_init(&f->arena, (size_t)16 << 20);
    arena_init(&f->run_memory, 4096);
    f->x = (struct script_exchange){
        .arena = &f->arena,
        .id = STR("req-1"),
        .method = STR("GET"),
        .path = STR("/things/42"),
        .query = STR("a=1&b=x%20y&a=2"),
        .host = STR("example.com"),
        .proto = STR("HTTP/1.1"),
        .remote_address = STR("10.0.0.7"),
        .content_length = -1,
        .params = params,
        .param_count = 1,
        .route = &f->route,
        .service = &f->service,
        .upstream_length = -1,
    };
    loop_turn(f->loop, false); /* its clock stood still while the compiler was waited for */
    f->run = script_run_create(f->program, &f->x, &f->run_memory);
}

static void fixture_on_done(void *user, const struct script_outcome *outcome)
{
    struct fixture *f = user;
    assert_false(f->done);
    f->done = true;
    f->status = outcome->status;
    f->responded = outcome->responded;
    f->limit = outcome->limit;
    (void)snprintf(f->text, sizeof(f->text), "%.*s", STR_ARG(outcome->text));
}

FIXTURE_USED static void fixture_start_call(struct fixture *f, enum script_function function,
                                            const char *error)
{
    f->done = false;
    f->text[0] = '\0';
    script_run_call(f->run, function, str_of(error), fixture_on_done, f);
}

FIXTURE_USED static void fixture_wait(struct fixture *f)
{
    while (!f->done)
        loop_turn(f->loop, true);
}

/* Calls and waits for the end. */
FIXTURE_USED static void fixture_call(struct fixture *f, enum script_function function)
{
    fixture_start_call(f, function, "");
    fixture_wait(f);
}

/* A fresh request through a requestHandler; the response's body. */
FIXTURE_USED static const char *fixture_handle(struct fixture *f)
{
    fixture_begin(f);
    fixture_call(f, SCRIPT_REQUEST_HANDLER);
    if (f->status != SCRIPT_OK)
        return f->text;
    return buf_cstr(&f->x.response_body);
}

/* The value of a response header, or "". */
FIXTURE_USED static const char *fixture_header(struct http_fields *fields, const char *name)
{
    static char text[FIXTURE_TEXT];
    const struct http_field *field = http_head_find_name(fields, str_of(name));
    const struct str value = field != NULL ? field->value : STR("");
    (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(value));
    return text;
}

#define FIXTURE_MAIN(tests)                                                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        fixture_start();                                                                           \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
