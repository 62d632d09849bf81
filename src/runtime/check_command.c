#include "runtime/check_command.h"

#include <stdio.h>
#include <string.h>

#include "base/container.h"
#include "codec/json.h"
#include "runtime/arguments.h"
#include "runtime/compiler_link.h"
#include "runtime/problem_text.h"
#include "runtime/source_files.h"
#include "runtime/sources.h"
#include "runtime/stage.h"

static const char HELP[] =
    "usage: dgate-runtime check [OPTION]... [FILE|FOLDER]...\n"
    "\n"
    "Compiles files as an upload does, and checks their types, strictly, with the types of DGate "
    "and\n"
    "ES2023. A folder stands for the .ts and .js files below it; default: the current folder.\n"
    "Problems go to standard output: FILE:LINE:COLUMN: error TS2322: TEXT\n"
    "\n"
    "  -c, --config FILE  a configuration whose limits apply (default: the built-in ones)\n"
    "  -h, --help         print this and exit\n"
    "\n"
    "Exit status: 0 no problems, 1 problems, or no files, 2 wrong usage.\n";

enum { CONFIG, OPTION_HELP };
static const struct arguments_option OPTIONS[] = {
    [CONFIG] = {"--config", "-c", "FILE"},
    [OPTION_HELP] = {"--help", "-h", NULL},
};

struct check {
    struct config *config;
    struct compiler_link *compiler;
    struct sources *sources;
    struct source_files files;
    struct source_list known; /* to the checker */
    json_t *places;           /* "path:line:column" of what was printed */
    unsigned problems;
};

static void print_problems(struct check *c, const struct model_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct model_problem *p = &problems->v[i];
        (void)printf("%s: error: %s\n", p->path, p->text);
        (void)json_object_set_new(c->places, p->path, json_true());
        c->problems++;
    }
}

static void print_error(struct check *c, const char *text)
{
    (void)printf("error: %s\n", text);
    c->problems++;
}

/* The compiler's answer to a question of the checker; NULL: there is none, which was said. */
static json_t *ask(struct check *c, json_t *question)
{
    struct err e = {0};
    json_t *answer = compiler_link_ask(c->compiler, question, &e);
    if (answer == NULL)
        print_error(c, e.msg);
    return answer;
}

static void compile(struct check *c, const struct source *file)
{
    struct model_problems problems = {0};
    struct source_list alone = {0};
    for (size_t i = 0; i < c->known.n; i++)
        if (c->known.v[i] != file)
            vec_push(&alone, c->known.v[i]); /* each is compiled on its own turn */
    (void)sources_load(c->sources, file, &alone, &problems);
    print_problems(c, &problems);
    vec_finish(&alone);
    model_problems_finish(&problems);
}

static void link_imports(struct check *c, const struct source *file, const json_t *imports);

/* Hands a file to the checker, and what it imports. */
/* NOLINTNEXTLINE(misc-no-recursion): each file is entered once */
static void add(struct check *c, const struct source *file)
{
    for (size_t i = 0; i < c->known.n; i++)
        if (c->known.v[i] == file)
            return;
    vec_push(&c->known, file);
    json_t *answer =
        ask(c, json_pack("{s:s, s:s, s:o}", "check", "file", "path", file->path, "source",
                         json_text_string((struct str){file->text, file->length})));
    link_imports(c, file, json_object_get(answer, "imports"));
    json_decref(answer);
}

/* NOLINTNEXTLINE(misc-no-recursion): see add() */
static void link_imports(struct check *c, const struct source *file, const json_t *imports)
{
    size_t i = 0;
    const json_t *name = NULL;
    json_array_foreach(imports, i, name)
    {
        struct model_problems problems = {0};
        const struct source *found =
            sources_find(c->sources, file, json_string_value(name), &problems);
        model_problems_finish(&problems);
        if (found == NULL)
            continue;
        json_decref(ask(c, json_pack("{s:s, s:s, s:O, s:s}", "check", "link", "from", file->path,
                                     "name", name, "to", found->path)));
        add(c, found);
    }
}

static void print_diagnostic(struct check *c, const json_t *d)
{
    struct model_problems problems = {0};
    char place[MODEL_LABEL_SIZE + 4096];
    const char *path = json_string_value(json_object_get(d, "path"));
    const struct source *file =
        path != NULL && path[0] != '\0' ? sources_read(c->sources, path, &problems) : NULL;
    (void)snprintf(place, sizeof(place), "%s:%d:%d",
                   file != NULL ? sources_show(c->sources, file) : "",
                   (int)json_integer_value(json_object_get(d, "line")),
                   (int)json_integer_value(json_object_get(d, "column")));
    model_problems_finish(&problems);
    if (json_object_get(c->places, place) != NULL)
        return;
    (void)printf("%s%serror TS%d: %s\n", file != NULL ? place : "", file != NULL ? ": " : "",
                 (int)json_integer_value(json_object_get(d, "code")),
                 json_string_value(json_object_get(d, "text")));
    c->problems++;
}

static void check_types(struct check *c)
{
    json_t *answer = ask(c, json_pack("{s:s}", "check", "types"));
    size_t i = 0;
    const json_t *d = NULL;
    if (answer != NULL && !json_is_array(json_object_get(answer, "diagnostics")))
        print_error(c, json_string_value(json_object_get(
                           json_array_get(json_object_get(answer, "problems"), 0), "text")));
    json_array_foreach(json_object_get(answer, "diagnostics"), i, d) print_diagnostic(c, d);
    json_decref(answer);
}

static void check_files(struct check *c)
{
    for (size_t i = 0; i < c->files.n; i++) {
        struct model_problems problems = {0};
        const struct source *file = sources_read(c->sources, c->files.v[i], &problems);
        print_problems(c, &problems);
        model_problems_finish(&problems);
        if (file != NULL)
            add(c, file);
    }
    for (size_t i = 0; i < c->known.n; i++)
        compile(c, c->known.v[i]);
    check_types(c);
}

static int run(struct check *c)
{
    struct err e = {0};
    if (compiler_link_create((size_t)c->config->limits.compiler_memory_mb << 20, &c->compiler,
                             &e) != ERR_OK ||
        compiler_link_extend(c->compiler, &e) != ERR_OK) {
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
        return ARGUMENTS_FAILED;
    }
    c->sources = sources_create(c->compiler, ".", (size_t)c->config->limits.module_source_max);
    c->places = json_object();
    check_files(c);
    if (c->problems > 0)
        (void)fprintf(stderr, "%u problem%s\n", c->problems, c->problems == 1 ? "" : "s");
    sources_destroy(c->sources);
    json_decref(c->places);
    return c->problems == 0 ? ARGUMENTS_OK : ARGUMENTS_FAILED;
}

static int check(struct check *c, const struct arguments *a, const char *config)
{
    struct err e = {0};
    enum err_code rc = a->operands.n == 0 ? source_files_add(&c->files, ".", false, &e) : ERR_OK;
    for (size_t i = 0; i < a->operands.n && rc == ERR_OK; i++)
        rc = source_files_add(&c->files, a->operands.v[i], false, &e);
    if (rc == ERR_OK && c->files.n == 0)
        rc = err_set(&e, ERR_NOT_FOUND, "no files were found");
    if (rc != ERR_OK) {
        (void)fprintf(stderr, "dgate-runtime check: %s\n", e.msg);
        return ARGUMENTS_FAILED;
    }
    c->config = stage_config(config, LOG_WARN);
    const int status = c->config != NULL ? run(c) : ARGUMENTS_FAILED;
    compiler_link_destroy(c->compiler);
    config_destroy(c->config);
    return status;
}

int check_command_run(char **args)
{
    struct check c = {0};
    struct arguments a;
    const char *config = NULL;
    int option = 0;
    int status = ARGUMENTS_OK;
    arguments_init(&a, "check", args, OPTIONS, ARRAY_LEN(OPTIONS));
    while ((option = arguments_next(&a)) == CONFIG)
        config = a.value;
    if (option == OPTION_HELP)
        (void)fputs(HELP, stdout);
    else
        status = option == ARGUMENTS_BAD ? ARGUMENTS_USAGE : check(&c, &a, config);
    vec_finish(&c.known);
    source_files_finish(&c.files);
    arguments_finish(&a);
    return status;
}
