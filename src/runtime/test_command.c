/* Each file is run by a process of its own, so that what it does to the engine or to memory ends with it, and a crash
 * costs only its tests. The processes run one after the other and count in shared memory.
 */
#include "runtime/test_command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/now.h"
#include "io/child.h"
#include "runtime/arguments.h"
#include "runtime/compiler_link.h"
#include "runtime/problem_text.h"
#include "runtime/session.h"
#include "runtime/source_files.h"
#include "runtime/stage.h"
#include "runtime/tap.h"

enum { TIMEOUT_MS = 5000, MESSAGE_MAX = 8192, NS_PER_MS = 1000000 };

static const char HELP[] =
    "usage: dgate-runtime test [OPTION]... [FILE|FOLDER]...\n"
    "\n"
    "Runs test files (by default all *.test.ts and *.test.js below the current folder) as DGate "
    "runs\n"
    "modules, and prints TAP version 14.\n"
    "\n"
    "  -t, --grep TEXT    only tests whose name (\"suite > test\") has that text\n"
    "      --timeout MS   of a test (default 5000)\n"
    "  -c, --config FILE  a configuration whose limits apply (default: the built-in ones)\n"
    "  -h, --help         print this and exit\n"
    "\n"
    "Exit status: 0 all passed, 1 a test failed or there was none, 2 wrong usage.\n";

enum { GREP, TIMEOUT, CONFIG, OPTION_HELP };
static const struct arguments_option OPTIONS[] = {
    [GREP] = {"--grep", "-t", "TEXT"},
    [TIMEOUT] = {"--timeout", NULL, "MS"},
    [CONFIG] = {"--config", "-c", "FILE"},
    [OPTION_HELP] = {"--help", "-h", NULL},
};

struct counts {
    unsigned number; /* of the last result */
    unsigned passed;
    unsigned failed;
    unsigned skipped;
    unsigned todo;
};

struct test_run {
    const char *grep;
    const char *config_file;
    uint64_t timeout_ms;
    struct config *config;
    struct compiler_link *compiler;
    struct source_files files;
    struct counts *counts; /* shared with the children */
    uint64_t begun_ns;     /* the file or test at hand */
};

static void fail(struct test_run *t, const char *name, const char *message, const char *at)
{
    const uint64_t ms = (now_mono_ns() - t->begun_ns) / NS_PER_MS;
    t->counts->failed++;
    tap_failure(++t->counts->number, name, message, at, ms);
    (void)fflush(stdout);
}

static void fail_problems(struct test_run *t, const char *path,
                          const struct model_problems *problems)
{
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    problem_text_add(&text, problems, "\n");
    fail(t, path, buf_cstr(&text), path);
    buf_finish(&text);
}

static void count(struct test_run *t, const char *result)
{
    struct counts *c = t->counts;
    unsigned *one = strcmp(result, "pass") == 0   ? &c->passed
                    : strcmp(result, "skip") == 0 ? &c->skipped
                    : strcmp(result, "todo") == 0 ? &c->todo
                                                  : &c->failed;
    (*one)++;
    c->number++;
}

static void run_test(struct test_run *t, struct session *s, const char *folder, size_t index,
                     const json_t *test)
{
    struct err e = {0};
    const char *name = json_string_value(json_object_get(test, "name"));
    t->begun_ns = now_mono_ns();
    json_t *question = json_pack("{s:s, s:I, s:I, s:I, s:s}", "op", "test", "index",
                                 (json_int_t)index, "number", (json_int_t)t->counts->number + 1,
                                 "timeout", (json_int_t)t->timeout_ms, "folder", folder);
    json_t *answer = session_ask(s, question, &e);
    if (answer == NULL) {
        fail(t, name, e.msg, json_string_value(json_object_get(test, "at")));
        return;
    }
    count(t, json_string_value(json_object_get(answer, "result")));
    (void)fputs(json_string_value(json_object_get(answer, "tap")), stdout);
    (void)fflush(stdout);
    json_decref(answer);
}

static void run_tests(struct test_run *t, struct session *s, const char *path)
{
    struct err e = {0};
    const char *slash = strrchr(path, '/');
    char *folder = mem_dup(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    json_t *list = session_ask(
        s, json_pack("{s:s, s:s, s:s}", "op", "list", "grep", t->grep, "folder", folder), &e);
    if (list == NULL)
        fail(t, path, e.msg, path);
    size_t i = 0;
    const json_t *test = NULL;
    json_array_foreach(json_object_get(list, "tests"), i, test) run_test(t, s, folder, i, test);
    free(folder);
    json_decref(list);
}

static void run_file(struct test_run *t, const char *path)
{
    struct model_problems problems = {0};
    struct session *s = session_create(t->config, t->compiler, path, &problems);
    if (s == NULL)
        fail_problems(t, path, &problems);
    else
        run_tests(t, s, path);
    session_destroy(s);
    model_problems_finish(&problems);
}

static void restart_compiler(struct test_run *t)
{
    struct err e = {0};
    compiler_link_destroy(t->compiler);
    t->compiler = NULL;
    if (compiler_link_create((size_t)t->config->limits.compiler_memory_mb << 20, &t->compiler,
                             &e) != ERR_OK)
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg);
}

static void bury(struct test_run *t, const char *path, int status)
{
    char text[160];
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof(text), "the process of this file was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(text, sizeof(text), "the process of this file ended with status %d",
                       WEXITSTATUS(status));
    }
    fail(t, path, text, path);
}

static void run_apart(struct test_run *t, const char *path)
{
    t->begun_ns = now_mono_ns();
    (void)printf("# %s\n", path);
    (void)fflush(stdout);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        child_die_with_parent(parent);
        run_file(t, path);
        (void)fflush(stdout);
        _exit(EXIT_SUCCESS);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0)
        fail(t, path, strerror(errno), path);
    else if (status != 0)
        bury(t, path, status);
    /* A child that died may have left a question to the compiler half asked. */
    if (status != 0 || !compiler_link_is_alive(t->compiler))
        restart_compiler(t);
}

static int print_summary(const struct counts *c)
{
    (void)printf("1..%u\n# tests %u\n# pass %u\n# fail %u\n# skip %u\n# todo %u\n", c->number,
                 c->number, c->passed, c->failed, c->skipped, c->todo);
    if (c->number == 0)
        (void)fprintf(stderr, "dgate-runtime test: no tests were found\n");
    return c->number > 0 && c->failed == 0 ? ARGUMENTS_OK : ARGUMENTS_FAILED;
}

/* A longer test would be ended by the limit on calls first. */
static bool has_time(const struct test_run *t)
{
    const int64_t most = t->config->limits.module_wall_ms;
    if (t->timeout_ms <= (uint64_t)most)
        return true;
    (void)fprintf(stderr,
                  "dgate-runtime test: --timeout is %llu; calls of modules end after %lld ms "
                  "(limits.module_wall_ms)\n",
                  (unsigned long long)t->timeout_ms, (long long)most);
    return false;
}

static int run_files(struct test_run *t)
{
    struct err e = {0};
    int status = ARGUMENTS_FAILED;
    t->counts =
        mmap(NULL, sizeof(*t->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t->counts == MAP_FAILED ||
        compiler_link_create((size_t)t->config->limits.compiler_memory_mb << 20, &t->compiler,
                             &e) != ERR_OK) {
        (void)fprintf(stderr, "dgate-runtime: %s\n", e.msg[0] != '\0' ? e.msg : strerror(errno));
    } else {
        (void)printf("TAP version 14\n");
        for (size_t i = 0; i < t->files.n && t->compiler != NULL; i++)
            run_apart(t, t->files.v[i]);
        status = print_summary(t->counts);
    }
    compiler_link_destroy(t->compiler);
    if (t->counts != MAP_FAILED)
        (void)munmap(t->counts, sizeof(*t->counts));
    return status;
}

static int run_all(struct test_run *t)
{
    t->config = stage_config(t->config_file, LOG_WARN);
    if (t->config == NULL)
        return ARGUMENTS_FAILED;
    const int status = has_time(t) ? run_files(t) : ARGUMENTS_USAGE;
    config_destroy(t->config);
    return status;
}

static int find_files(struct test_run *t, const struct arguments *a)
{
    struct err e = {0};
    enum err_code rc = a->operands.n == 0 ? source_files_add(&t->files, ".", true, &e) : ERR_OK;
    for (size_t i = 0; i < a->operands.n && rc == ERR_OK; i++)
        rc = source_files_add(&t->files, a->operands.v[i], true, &e);
    if (rc == ERR_OK)
        return run_all(t);
    (void)fprintf(stderr, "dgate-runtime test: %s\n", e.msg);
    return ARGUMENTS_FAILED;
}

static int read_option(struct test_run *t, const struct arguments *a, int option)
{
    switch (option) {
    case GREP:
        t->grep = a->value;
        break;
    case TIMEOUT:
        if (!arguments_number(a, option, 1, 600000, &t->timeout_ms))
            return ARGUMENTS_USAGE;
        break;
    case CONFIG:
        t->config_file = a->value;
        break;
    default:
        break;
    }
    return ARGUMENTS_OK;
}

int test_command_run(char **args)
{
    struct test_run t = {.grep = "", .timeout_ms = TIMEOUT_MS};
    struct arguments a;
    int option = 0;
    int status = ARGUMENTS_OK;
    arguments_init(&a, "test", args, OPTIONS, ARRAY_LEN(OPTIONS));
    while (status == ARGUMENTS_OK && (option = arguments_next(&a)) >= 0 && option != OPTION_HELP)
        status = read_option(&t, &a, option);
    if (option == ARGUMENTS_BAD)
        status = ARGUMENTS_USAGE;
    else if (option == OPTION_HELP)
        (void)fputs(HELP, stdout);
    else if (status == ARGUMENTS_OK)
        status = find_files(&t, &a);
    source_files_finish(&t.files);
    arguments_finish(&a);
    return status;
}
