/* What unit tests share: cmocka's headers in the order it wants, and assertions of ours. */
#ifndef UNIT_TESTING_H
#define UNIT_TESTING_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

/* Fails with both texts in the message when they differ. */
#define assert_str(actual, expected) testing_assert_str((actual), (expected), __FILE__, __LINE__)

/* Fails unless run(arg) ends in abort(), as a failed assert() does. */
#define assert_aborts(run, arg) testing_assert_aborts((run), (arg), __FILE__, __LINE__)

static inline void testing_assert_str(struct str actual, const char *expected, const char *file,
                                      int line)
{
    if (!str_eq(actual, str_of(expected))) {
        print_error("\"%.*s\" is not \"%s\"\n", STR_ARG(actual), expected);
        _fail(file, line);
    }
}

static inline void testing_assert_aborts(void (*run)(void *), void *arg, const char *file, int line)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "we", stderr) == NULL)
            _exit(EXIT_FAILURE);
        (void)signal(SIGABRT, SIG_DFL);
        run(arg);
        _exit(EXIT_SUCCESS);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGABRT) {
        print_error("did not abort (status %#x)\n", (unsigned)status);
        _fail(file, line);
    }
}

#endif
