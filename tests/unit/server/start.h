/* A child's start that fails: in a process of its own, whose exit tells whether it has freed what it made. */
#ifndef UNIT_SERVER_START_H
#define UNIT_SERVER_START_H

#include <sys/resource.h>

#include "base/log.h"
#include "server/launch.h"
#include "testing.h"

/* Fails unless run returns status and leaks nothing. pages: what the child gets as its LAUNCH_FD_PAGES, -1 for nothing.
 * file_max: the size that it may let a file grow to.
 */
static inline void start_fails(int (*run)(struct launch *l), struct launch *l, int pages,
                               rlim_t file_max, int status)
{
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit files = {file_max, file_max};
        log_configure(&(struct log_setup){.level = LOG_OFF});
        (void)signal(SIGXFSZ, SIG_IGN);
        if (pages < 0)
            (void)close(LAUNCH_FD_PAGES);
        else if (dup2(pages, LAUNCH_FD_PAGES) < 0) /* it may be that one already */
            abort();
        if (setrlimit(RLIMIT_FSIZE, &files) != 0)
            abort();
        exit(run(l) == status ? EXIT_SUCCESS : EXIT_FAILURE); /* NOLINT(concurrency-mt-unsafe) */
    }
    int end = 0;
    assert_true(child > 0 && waitpid(child, &end, 0) == child);
    assert_int_equal(end, 0);
}

#endif
