/* dgate-server: arguments, then the supervisor; or one of its children (--role, not for operators). */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "script/compiler.h"
#include "server/control.h"
#include "server/host_rules.h"
#include "server/launch.h"
#include "server/rehearsal.h"
#include "server/supervisor.h"
#include "server/version.h"
#include "server/worker.h"

enum { OPTION_CHECK = 256, OPTION_ROLE };

static const char USAGE[] =
    "usage: dgate-server [-c FILE] [--check]\n"
    "\n"
    "  -c, --config FILE  the configuration, YAML or JSON (default: $DG_CONFIG_PATH, then\n"
    "                     config.dgate.yml, .yaml, .json, dgate.yaml, /etc/dgate/config.yaml,\n"
    "                     then built-in defaults)\n"
    "      --check        validate the configuration and exit\n"
    "  -v, --version      print the version and exit\n"
    "  -h, --help         print this and exit\n";

struct arguments {
    const char *file;
    const char *role;
    bool check;
};

static int run_child(const char *text)
{
    enum launch_role role = LAUNCH_SUPERVISOR;
    uint32_t index = 0;
    pid_t parent = 0;
    struct launch l = {0};
    struct err e = {0};
    if (!launch_parse_role(text, &role, &index, &parent) ||
        launch_read(LAUNCH_FD_TEXT, &l, &e) != ERR_OK) {
        (void)fprintf(stderr, "dgate-server: --role is for the server itself\n");
        return EXIT_FAILURE;
    }
    char name[24];
    if (role == LAUNCH_WORKER)
        (void)snprintf(name, sizeof(name), "worker-%u", index);
    else
        (void)snprintf(name, sizeof(name), "%s", role == LAUNCH_CONTROL ? "control" : "compiler");
    launch_begin(&l, parent, name);
    int status = EXIT_FAILURE;
    if (role == LAUNCH_CONTROL) {
        status = control_run(&l);
    } else if (role == LAUNCH_WORKER) {
        status = worker_run(&l, index);
    } else if (role == LAUNCH_COMPILER) {
        struct compiler_options options = {
            .memory_bytes = (size_t)l.config->limits.compiler_memory_mb * 1024 * 1024};
        status = compiler_serve(LAUNCH_FD_COMPILER, &options);
    }
    launch_finish(&l);
    return status;
}

static void print_problems(const struct model_problems *problems, const struct err *e)
{
    for (size_t i = 0; i < problems->n; i++)
        (void)fprintf(stderr, "dgate-server: %s%s%s\n", problems->v[i].path,
                      problems->v[i].path[0] != '\0' ? ": " : "", problems->v[i].text);
    if (problems->n == 0)
        (void)fprintf(stderr, "dgate-server: %s\n", e->msg);
}

static struct config *load(const char *flag)
{
    char *path = config_find(flag);
    struct config *c = NULL;
    struct config_warnings warnings = {0};
    struct model_problems problems = {0};
    struct err e = {0};
    bool ok = config_load(path, &c, &warnings, &problems, &e) == ERR_OK;
    struct log_setup setup = {.level = LOG_INFO, .process = "supervisor"};
    if (ok) {
        setup.level = c->log_level;
        setup.json = c->log_json;
    }
    log_configure(&setup);
    if (ok && !host_rules_check(c, &problems)) {
        ok = false;
        config_destroy(c);
        c = NULL;
    }
    for (size_t i = 0; i < warnings.n; i++)
        log_warn("config", "%s", warnings.v[i].text);
    if (!ok)
        print_problems(&problems, &e);
    config_warnings_finish(&warnings);
    model_problems_finish(&problems);
    free(path);
    return c;
}

static int check(struct config *c)
{
    const struct log_setup setup = {.level = LOG_WARN, .process = "check", .to_stderr = true};
    log_configure(&setup);
    bool ok = rehearsal_run(c);
    if (ok)
        (void)printf("%s: ok\n", c->file != NULL ? c->file : "built-in defaults");
    config_destroy(c);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct arguments *args)
{
    struct config *c = load(args->file);
    if (c == NULL)
        return EXIT_FAILURE;
    if (args->check)
        return check(c);
    log_info("server", "DGate %s, %s%s", version_text(), c->file != NULL ? "configuration " : "",
             c->file != NULL ? c->file : "no configuration file found: built-in defaults");
    return supervisor_run(c);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, OPTION_CHECK},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"role", required_argument, NULL, OPTION_ROLE},
                                            {NULL, 0, NULL, 0}};
    struct arguments args = {0};
    int c = 0;
    while ((c = getopt_long(argc, argv, "c:vVh", options, NULL)) !=
           -1) { /* NOLINT(concurrency-mt-unsafe) */
        switch (c) {
        case 'c':
            args.file = optarg;
            break;
        case OPTION_CHECK:
            args.check = true;
            break;
        case OPTION_ROLE:
            args.role = optarg;
            break;
        case 'v':
        case 'V':
            (void)printf("dgate-server %s\n", version_text());
            return EXIT_SUCCESS;
        case 'h':
            (void)fputs(USAGE, stdout);
            return EXIT_SUCCESS;
        default:
            (void)fputs(USAGE, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "dgate-server: unexpected argument %s\n%s", argv[optind], USAGE);
        return EXIT_FAILURE;
    }
    return args.role != NULL ? run_child(args.role) : run(&args);
}
