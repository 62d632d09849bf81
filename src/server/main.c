/* dgate-server: arguments, then the supervisor; or one of its children (--role), or the supervisor in place of an other
 * version (--takeover); these and --upgrade-version are not for operators. */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/json.h"
#include "config/config.h"
#include "script/compiler.h"
#include "server/config_file.h"
#include "server/control.h"
#include "server/launch.h"
#include "server/rehearsal.h"
#include "server/supervisor.h"
#include "server/upgrade.h"
#include "server/version.h"
#include "server/worker.h"

enum { OPTION_CHECK = 256, OPTION_ROLE, OPTION_TAKEOVER, OPTION_UPGRADE_VERSION };

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
    const char *takeover;
    const char *argv0;
    bool check;
};

static int run_child(const char *text)
{
    struct launch_seat seat = {0};
    pid_t parent = 0;
    struct launch l = {0};
    struct err e = {0};
    if (!launch_parse_role(text, &seat, &parent) || launch_read(LAUNCH_FD_TEXT, &l, &e) != ERR_OK) {
        (void)fprintf(stderr, "dgate-server: --role is for the server itself\n");
        return EXIT_FAILURE;
    }
    char name[24];
    if (seat.role == LAUNCH_WORKER)
        (void)snprintf(name, sizeof(name), "worker-%u", seat.index);
    else
        (void)snprintf(name, sizeof(name), "%s",
                       seat.role == LAUNCH_CONTROL ? "control" : "compiler");
    launch_begin(&l, parent, name);
    int status = EXIT_FAILURE;
    if (seat.role == LAUNCH_CONTROL) {
        status = control_run(&l);
    } else if (seat.role == LAUNCH_WORKER) {
        status = worker_run(&l, &seat);
    } else if (seat.role == LAUNCH_COMPILER) {
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
    struct config *c = NULL;
    struct config_warnings warnings = {0};
    struct model_problems problems = {0};
    struct err e = {0};
    bool ok = config_file_load(flag, &c, &warnings, &problems, &e) == ERR_OK;
    struct log_setup setup = {.level = LOG_INFO, .process = "supervisor"};
    if (ok) {
        setup.level = c->log_level;
        setup.json = c->log_json;
    }
    log_configure(&setup);
    for (size_t i = 0; i < warnings.n; i++)
        log_warn("config", "%s", warnings.v[i].text);
    if (!ok)
        print_problems(&problems, &e);
    config_warnings_finish(&warnings);
    model_problems_finish(&problems);
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

/* Until there are handlers, what asks for a reload or an upgrade must not end the program. */
static void ignore_early_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static int run(const struct arguments *args)
{
    struct supervisor_options options = {.flag = args->file, .argv0 = args->argv0};
    if (args->takeover != NULL) {
        uint64_t fd = 0;
        if (!str_to_u64(str_of(args->takeover), INT_MAX, &fd))
            return EXIT_FAILURE;
        options.takeover_fd = (int)fd;
        return supervisor_run(&options);
    }
    ignore_early_signals();
    struct config *c = load(args->file);
    if (c == NULL)
        return EXIT_FAILURE;
    if (args->check)
        return check(c);
    log_info("server", "DGate %s, %s%s", version_text(), c->file != NULL ? "configuration " : "",
             c->file != NULL ? c->file : "no configuration file found: built-in defaults");
    options.config = c;
    return supervisor_run(&options);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, OPTION_CHECK},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"role", required_argument, NULL, OPTION_ROLE},
        {"takeover", required_argument, NULL, OPTION_TAKEOVER},
        {"upgrade-version", no_argument, NULL, OPTION_UPGRADE_VERSION},
        {NULL, 0, NULL, 0}};
    struct arguments args = {.argv0 = argv[0]};
    int c = 0;
    json_text_init();
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
        case OPTION_TAKEOVER:
            args.takeover = optarg;
            break;
        case OPTION_UPGRADE_VERSION:
            upgrade_print_version();
            return EXIT_SUCCESS;
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
