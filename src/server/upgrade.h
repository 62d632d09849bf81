/* Whether the program can be replaced by the one that its file holds now: asked of that one itself before it gets the place. */
#ifndef SERVER_UPGRADE_H
#define SERVER_UPGRADE_H

#include "base/err.h"

struct loop;
struct upgrade_check;

enum { UPGRADE_VERSION_MAX = 64 };

/* Our own file as it was called at the start: absolute, links not followed, so that a file that is put in its place is
 * found. malloc()ed; NULL when it cannot be found. */
char *upgrade_program(const char *argv0);

/* version (of the program) is valid during the call; e is NULL when it may take over. */
typedef void (*upgrade_fn)(void *user, const char *version, const struct err *e);

/* Runs program with --upgrade-version and with --check (and -c config, unless NULL); done comes later, and what they wrote
 * goes to the log when they refuse. The first may take 10 s, the second 60. */
struct upgrade_check *upgrade_check_start(struct loop *l, const char *program, const char *config,
                                          upgrade_fn done, void *user);

/* Ends it: done is not called any more. NULL is allowed. */
void upgrade_check_cancel(struct upgrade_check *c);

/* What --upgrade-version prints: the formats of server/handover.h that we can read, and our version. */
void upgrade_print_version(void);

#endif
