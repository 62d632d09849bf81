/* dgate-runtime: modules without a server. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/container.h"
#include "codec/json.h"
#include "runtime/arguments.h"
#include "runtime/bench_command.h"
#include "runtime/check_command.h"
#include "runtime/run_command.h"
#include "runtime/test_command.h"

static const char HELP[] =
    "usage: dgate-runtime COMMAND [OPTION]... [FILE]...\n"
    "\n"
    "Runs and tests modules without a server, with the compiler, the runtime library and the "
    "limits\n"
    "of dgate-server.\n"
    "\n"
    "  test    run test files, print TAP\n"
    "  check   compile files and check their types\n"
    "  run     make one request to a module, print the response\n"
    "  bench   measure what a call of each function of a module costs\n"
    "\n"
    "  -v, --version  print the version and exit\n"
    "  -h, --help     print this and exit; \"dgate-runtime COMMAND --help\" has more\n";

static const struct {
    const char *name;
    int (*run)(char **args);
} COMMANDS[] = {
    {"test", test_command_run},
    {"check", check_command_run},
    {"run", run_command_run},
    {"bench", bench_command_run},
};

static int refuse(const char *text)
{
    (void)fprintf(
        stderr, "dgate-runtime: %s%s (allowed: test, check, run, bench, --help, --version)\n",
        text == NULL ? "a command is missing" : "unknown command ", text == NULL ? "" : text);
    return ARGUMENTS_USAGE;
}

static bool is_either(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    json_text_init();
    if (argc < 2)
        return refuse(NULL);
    if (is_either(argv[1], "-h", "--help")) {
        (void)fputs(HELP, stdout);
        return ARGUMENTS_OK;
    }
    if (is_either(argv[1], "-v", "--version")) {
        (void)printf("dgate-runtime %s\n", DGATE_VERSION);
        return ARGUMENTS_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0)
            return COMMANDS[i].run(argv + 2);
    return refuse(argv[1]);
}
