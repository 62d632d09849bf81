/* What one call costs, with all that belongs to it: the request's object is made and dropped, JavaScript is entered, and
 * for a function that waits the loop turns until it is over. The proxy is left out.
 */
#include "runtime/bench_command.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/loop.h"
#include "runtime/arguments.h"
#include "runtime/compiler_link.h"
#include "runtime/problem_text.h"
#include "runtime/request_options.h"
#include "runtime/sources.h"
#include "runtime/stage.h"

static const char HELP[] =
    "usage: dgate-runtime bench [OPTION]... FILE\n"
    "\n"
    "Measures what a call of each function of a module costs: the median of batches, in "
    "nanoseconds of\n"
    "CPU time, and that of an empty function to compare with.\n"
    "\n" REQUEST_OPTIONS_HELP "  -s, --seconds N                    for each function (default 1)\n"
    "  -c, --config FILE                  a configuration whose limits apply (default: the "
    "built-in ones)\n"
    "  -h, --help                         print this and exit\n"
    "\n"
    "Exit status: 0 measured, 1 a function failed, 2 wrong usage.\n";

enum { SECONDS = REQUEST_OPTIONS_COUNT, CONFIG, OPTION_HELP };
static const struct arguments_option OPTIONS[] = {
    REQUEST_OPTIONS_TABLE,
    {"--seconds", "-s", "N"},
    {"--config", "-c", "FILE"},
    {"--help", "-h", NULL},
};

enum { BATCH_NS = 5000000, SECOND_NS = 1000000000, SECONDS_MAX = 600, BATCHES_MAX = 100000 };

struct bench {
    struct arguments arguments;
    struct request_options request;
    uint64_t seconds;
    const char *config_file;
    struct config *config;
    struct compiler_link *compiler;
    struct sources *sources;
    struct source_list modules;
    struct stage stage;
    struct model_route route;
    struct model_service service;
};

/* One call. */
struct call {
    bool done;
    bool waited; /* it was not over when it returned */
    enum script_status status;
    char text[ERR_MESSAGE_MAX];
};

static void on_done(void *user, const struct script_outcome *outcome)
{
    struct call *c = user;
    c->done = true;
    c->status = outcome->status;
    if (outcome->status != SCRIPT_OK)
        (void)snprintf(c->text, sizeof(c->text), "%.*s", STR_ARG(outcome->text));
}

static void set_upstream(struct script_exchange *x)
{
    x->has_upstream = true;
    x->upstream_url = STR("http://upstream.test/");
    x->upstream_status = 200;
    x->upstream_reason = STR("OK");
    x->upstream_proto = STR("HTTP/1.1");
    x->upstream_body = (struct script_body){.collected = true, .bytes = STR("{\"ok\":true}")};
    x->upstream_length = (int64_t)x->upstream_body.bytes.len;
    if (!http_head_add(&x->upstream_fields, x->arena, STR("Content-Type"), STR("application/json")))
        x->upstream_fields.n = 0;
}

static void fill_exchange(const struct bench *b, struct script_exchange *x, struct arena *a)
{
    const struct http_head *head = &b->request.head;
    const size_t end = str_index(head->target, '?', 0);
    *x = (struct script_exchange){
        .arena = a,
        .id = STR("bench"),
        .method = head->method,
        .path = str_slice(head->target, 0, end),
        .query = end < head->target.len ? str_skip(head->target, end + 1) : (struct str){0},
        .host = head->authority,
        .proto = STR("HTTP/1.1"),
        .remote_address = STR("127.0.0.1"),
        .content_length = head->content_length,
        .request_body = {.collected = true, .bytes = buf_str(&b->request.body)},
        .params = b->request.params.v,
        .param_count = b->request.params.n,
        .route = &b->route,
        .service = &b->service,
        .upstream_length = -1,
    };
    for (uint32_t i = 0; i < head->fields.n; i++)
        if (!http_head_add(&x->request_fields, a, head->fields.v[i].name, head->fields.v[i].value))
            return;
}

static void call(struct bench *b, struct script_program *p, enum script_function f, struct call *c)
{
    struct arena a;
    struct script_exchange x;
    arena_init(&a, (size_t)b->config->limits.module_request_memory);
    fill_exchange(b, &x, &a);
    if (f == SCRIPT_RESPONSE_MODIFIER)
        set_upstream(&x);
    struct script_run *r = script_run_create(p, &x, &a);
    assert(r != NULL);
    *c = (struct call){0};
    script_run_call(r, f, f == SCRIPT_ERROR_HANDLER ? STR("it failed") : (struct str){0}, on_done,
                    c);
    c->waited = !c->done;
    while (!c->done)
        loop_turn(b->stage.loop, true);
    script_run_destroy(r);
    buf_finish(&x.response_body);
    buf_finish(&x.request_body.written);
    buf_finish(&x.upstream_body.written);
    arena_finish(&a);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the whole process, so that others on the machine do not count. */
static uint64_t cpu_ns(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* CPU time of one batch of n calls; negative when one failed, which was said. */
static double time_batch(struct bench *b, struct script_program *p, enum script_function f,
                         uint64_t n, bool *waited)
{
    struct call c = {0};
    const uint64_t begun = cpu_ns();
    for (uint64_t i = 0; i < n; i++) {
        call(b, p, f, &c);
        if (c.status != SCRIPT_OK) {
            (void)fprintf(stderr, "dgate-runtime bench: %s\n", c.text);
            return -1;
        }
    }
    const uint64_t ended = cpu_ns();
    *waited = c.waited;
    loop_turn(b->stage.loop, false);
    return (double)(ended - begun);
}

static bool measure(struct bench *b, struct script_program *p, enum script_function f,
                    struct str name)
{
    double *times = mem_calloc(BATCHES_MAX, sizeof(*times));
    size_t batches = 0;
    uint64_t n = 1;
    bool waited = false;
    bool ok = true;
    const uint64_t end = now_mono_ns() + b->seconds * SECOND_NS;
    while (ok && batches < BATCHES_MAX && (batches == 0 || now_mono_ns() < end)) {
        const double ns = time_batch(b, p, f, n, &waited);
        ok = ns >= 0;
        if (ok && ns < BATCH_NS && now_mono_ns() < end)
            n *= 2; /* too short to be exact: warming up */
        else if (ok)
            times[batches++] = ns / (double)n;
    }
    if (ok) {
        qsort(times, batches, sizeof(*times), compare);
        (void)printf("%-20.*s %12.0f ns  %-5s  %zu batches of %llu\n", STR_ARG(name),
                     times[batches / 2], waited ? "async" : "sync", batches, (unsigned long long)n);
        (void)fflush(stdout);
    }
    free(times);
    return ok;
}

static enum err_code link_modules(struct bench *b, const struct source_list *files,
                                  struct script_program **ret, struct err *e)
{
    struct model_resource **owned = mem_calloc(files->n, sizeof(struct model_resource *));
    const struct model_module **list = mem_calloc(files->n, sizeof(struct model_module *));
    for (size_t i = 0; i < files->n; i++) {
        owned[i] = sources_module(files->v[i]);
        list[i] = &owned[i]->module;
    }
    const enum err_code rc = script_program_create(b->stage.vm, &b->route, list, files->n, ret, e);
    for (size_t i = 0; i < files->n; i++)
        model_destroy(owned[i]);
    free(list);
    free(owned);
    return rc;
}

/* A function that does nothing. */
static bool measure_empty(struct bench *b, struct err *e)
{
    static char name[] = "empty";
    struct source file = {.path = name, .name = name};
    file.compiled = json_pack("{s:s, s:s, s:[], s:[]}", "js", "exports.requestHandler = () => {};",
                              "map", "", "imports", "importPositions");
    struct source_list files = {0};
    struct script_program *p = NULL;
    vec_push(&files, &file);
    const bool ok = link_modules(b, &files, &p, e) == ERR_OK &&
                    measure(b, p, SCRIPT_REQUEST_HANDLER, STR("(empty function)"));
    script_program_unref(p);
    vec_finish(&files);
    json_decref(file.compiled);
    return ok;
}

static bool measure_functions(struct bench *b, struct err *e)
{
    struct script_program *p = NULL;
    if (link_modules(b, &b->modules, &p, e) != ERR_OK)
        return false;
    bool ok = true;
    bool any = false;
    for (int f = 0; f < SCRIPT_FUNCTION_COUNT; f++) {
        if (!script_program_has(p, (enum script_function)f))
            continue;
        any = true;
        ok =
            measure(b, p, (enum script_function)f, script_function_name((enum script_function)f)) &&
            ok;
    }
    if (!any)
        (void)err_set(e, ERR_NOT_FOUND,
                      "the module exports none of the functions that DGate calls");
    script_program_unref(p);
    return ok && any;
}

static int measure_all(struct bench *b)
{
    struct err e = {0};
    char ns[] = "default";
    char name[] = "bench";
    b->route = (struct model_route){.name = name, .ns = ns, .service = name, .limit_by = name + 5};
    b->service = (struct model_service){
        .name = name, .ns = ns, .hash_on = name + 5, .health_path = name + 5};
    stage_open(&b->stage, b->config);
    const bool ok = request_options_fill(&b->request, &b->stage.state) && measure_empty(b, &e) &&
                    measure_functions(b, &e);
    if (e.msg[0] != '\0')
        (void)fprintf(stderr, "dgate-runtime bench: %s\n", e.msg);
    stage_close(&b->stage);
    return ok ? ARGUMENTS_OK : ARGUMENTS_FAILED;
}

static bool load(struct bench *b)
{
    struct model_problems problems = {0};
    b->sources = sources_create(b->compiler, ".", (size_t)b->config->limits.module_source_max);
    const struct source *file = sources_read(b->sources, b->arguments.operands.v[0], &problems);
    const bool ok = file != NULL && sources_load(b->sources, file, &b->modules, &problems);
    problem_text_print(&problems);
    model_problems_finish(&problems);
    return ok;
}

static int run(struct bench *b)
{
    struct err e = {0};
    int status = ARGUMENTS_FAILED;
    b->config = stage_config(b->config_file, LOG_WARN);
    if (b->config == NULL)
        return status;
    if (compiler_link_create((size_t)b->config->limits.compiler_memory_mb << 20, &b->compiler,
                             &e) != ERR_OK)
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
    else if (load(b))
        status = measure_all(b);
    compiler_link_destroy(b->compiler);
    vec_finish(&b->modules);
    sources_destroy(b->sources);
    config_destroy(b->config);
    return status;
}

static bool take_option(struct bench *b, int option)
{
    if (option == SECONDS)
        return arguments_number(&b->arguments, option, 1, SECONDS_MAX, &b->seconds);
    if (option == CONFIG)
        b->config_file = b->arguments.value;
    else
        return request_options_take(&b->request, &b->arguments, option);
    return true;
}

int bench_command_run(char **args)
{
    struct bench b = {.seconds = 1};
    int option = 0;
    bool ok = true;
    arguments_init(&b.arguments, "bench", args, OPTIONS, ARRAY_LEN(OPTIONS));
    request_options_init(&b.request);
    while (ok && (option = arguments_next(&b.arguments)) >= 0 && option != OPTION_HELP)
        ok = take_option(&b, option);
    int status = ARGUMENTS_USAGE;
    if (option == OPTION_HELP) {
        (void)fputs(HELP, stdout);
        status = ARGUMENTS_OK;
    } else if (ok && option == ARGUMENTS_END && b.arguments.operands.n != 1) {
        status = arguments_refuse(&b.arguments, "it takes one FILE");
    } else if (ok && option == ARGUMENTS_END) {
        request_options_complete(&b.request);
        status = run(&b);
    }
    request_options_finish(&b.request);
    arguments_finish(&b.arguments);
    return status;
}
