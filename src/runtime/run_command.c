#include "runtime/run_command.h"

#include <stdio.h>

#include "base/container.h"
#include "codec/json.h"
#include "runtime/arguments.h"
#include "runtime/compiler_link.h"
#include "runtime/problem_text.h"
#include "runtime/request_options.h"
#include "runtime/stage_route.h"

static const char HELP[] =
    "usage: dgate-runtime run [OPTION]... FILE...\n"
    "\n"
    "Makes one request to a route with these modules and prints the response. What modules log "
    "goes to\n"
    "standard error.\n"
    "\n" REQUEST_OPTIONS_HELP
    "  -u, --upstream URL                 the route's service: what is forwarded goes there\n"
    "  -c, --config FILE                  a configuration whose limits apply (default: the "
    "built-in ones)\n"
    "  -h, --help                         print this and exit\n"
    "\n"
    "Exit status: 0 there is a response, 1 a module or the upstream failed, 2 wrong usage.\n";

enum { UPSTREAM = REQUEST_OPTIONS_COUNT, CONFIG, OPTION_HELP };
static const struct arguments_option OPTIONS[] = {
    REQUEST_OPTIONS_TABLE,
    {"--upstream", "-u", "URL"},
    {"--config", "-c", "FILE"},
    {"--help", "-h", NULL},
};

struct run {
    struct arguments arguments;
    struct request_options request;
    const char *upstream;
    const char *config_file;
    struct config *config;
    struct compiler_link *compiler;
    struct sources *sources;
    struct source_list modules;
    struct str pattern;
    struct stage stage;
    struct stage_route *route;
    struct exchange *x;
};

static void print_response(const struct exchange_mem_sent *sent)
{
    const struct http_head *head = sent->head;
    struct str reason = head->reason.len > 0 ? head->reason : http_head_reason(head->status);
    (void)printf("HTTP/1.1 %u %.*s\n", (unsigned)head->status, STR_ARG(reason));
    for (uint32_t i = 0; i < head->fields.n; i++)
        (void)printf("%.*s: %.*s\n", STR_ARG(head->fields.v[i].name),
                     STR_ARG(head->fields.v[i].value));
    if (head->content_length >= 0)
        (void)printf("Content-Length: %lld\n", (long long)head->content_length);
    (void)putchar('\n');
    const struct str body = buf_str(&sent->data);
    if (body.len > 0)
        (void)fwrite(body.p, 1, body.len, stdout);
}

static bool pump(void *user)
{
    const struct run *r = user;
    return stage_route_pump(r->route);
}

static bool is_answered(void *user)
{
    const struct run *r = user;
    return stage_route_answered(r->x);
}

static int request(struct run *r)
{
    struct err e = {0};
    if (!stage_route_links(r->route, &r->request.head, &e)) {
        (void)fprintf(stderr, "dgate-runtime run: %s\n", e.msg);
        return ARGUMENTS_FAILED;
    }
    r->x = stage_route_request(r->route, &r->request.head, buf_str(&r->request.body), "127.0.0.1");
    stage_run(&r->stage, pump, is_answered, r);
    const struct exchange_mem_sent *sent = exchange_mem_sent(r->x);
    const bool complete = sent->head != NULL && !sent->reset;
    if (sent->head != NULL)
        print_response(sent);
    if (!complete)
        (void)fprintf(stderr, "dgate-runtime run: the response was broken off: %s\n",
                      exchange_reset_text(sent->reset_code));
    stage_route_release(r->route, r->x);
    return complete && !stage_route_failed(r->route) ? ARGUMENTS_OK : ARGUMENTS_FAILED;
}

static int make_route(struct run *r)
{
    struct model_problems problems = {0};
    json_t *fields = json_pack("{s:[o]}", "paths", json_text_string(r->pattern));
    json_t *service = r->upstream != NULL ? json_pack("{s:[s]}", "urls", r->upstream) : NULL;
    int status = ARGUMENTS_FAILED;
    stage_open(&r->stage, r->config);
    if (request_options_fill(&r->request, &r->stage.state))
        r->route = stage_route_create(&r->stage, fields, service, &r->modules, true, &problems);
    if (r->route != NULL)
        status = request(r);
    else
        problem_text_print(&problems);
    stage_route_destroy(r->route);
    stage_close(&r->stage);
    model_problems_finish(&problems);
    json_decref(service);
    json_decref(fields);
    return status;
}

static bool load(struct run *r)
{
    struct model_problems problems = {0};
    bool ok = true;
    r->sources = sources_create(r->compiler, ".", (size_t)r->config->limits.module_source_max);
    for (size_t i = 0; i < r->arguments.operands.n; i++) {
        const struct source *file = sources_read(r->sources, r->arguments.operands.v[i], &problems);
        ok = file != NULL && sources_load(r->sources, file, &r->modules, &problems) && ok;
    }
    problem_text_print(&problems);
    model_problems_finish(&problems);
    return ok;
}

static int run(struct run *r)
{
    struct err e = {0};
    int status = ARGUMENTS_FAILED;
    r->config = stage_config(r->config_file, LOG_WARN);
    if (r->config == NULL)
        return status;
    if (compiler_link_create((size_t)r->config->limits.compiler_memory_mb << 20, &r->compiler,
                             &e) != ERR_OK)
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
    else if (load(r))
        status = make_route(r);
    compiler_link_destroy(r->compiler);
    vec_finish(&r->modules);
    sources_destroy(r->sources);
    config_destroy(r->config);
    return status;
}

static int start(struct run *r)
{
    if (r->arguments.operands.n == 0)
        return arguments_refuse(&r->arguments, "a FILE is missing");
    request_options_complete(&r->request);
    r->pattern = request_options_pattern(&r->request, &r->arguments);
    return r->pattern.len > 0 ? run(r) : ARGUMENTS_USAGE;
}

static bool take_option(struct run *r, int option)
{
    if (option == UPSTREAM)
        r->upstream = r->arguments.value;
    else if (option == CONFIG)
        r->config_file = r->arguments.value;
    else
        return request_options_take(&r->request, &r->arguments, option);
    return true;
}

int run_command_run(char **args)
{
    struct run r = {0};
    int option = 0;
    bool ok = true;
    arguments_init(&r.arguments, "run", args, OPTIONS, ARRAY_LEN(OPTIONS));
    request_options_init(&r.request);
    while (ok && (option = arguments_next(&r.arguments)) >= 0 && option != OPTION_HELP)
        ok = take_option(&r, option);
    int status = ARGUMENTS_USAGE;
    if (option == OPTION_HELP) {
        (void)fputs(HELP, stdout);
        status = ARGUMENTS_OK;
    } else if (ok && option == ARGUMENTS_END) {
        status = start(&r);
    }
    request_options_finish(&r.request);
    arguments_finish(&r.arguments);
    return status;
}
