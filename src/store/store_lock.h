/* One process tree per storage directory: a lock file that the supervisor takes before it starts
 * anything, and that its children inherit.
 */
#ifndef STORE_STORE_LOCK_H
#define STORE_STORE_LOCK_H

#include "base/err.h"

/* Creates dir if need be and locks its file "lock". *ret_fd is the caller's; the lock lives until every
 * copy of it is closed, and it stays open over exec so that children keep it. CONFLICT, with the process
 * that holds it, when the directory is in use. */
enum err_code store_lock(const char *dir, int *ret_fd, struct err *e)
    __attribute__((warn_unused_result));

#endif
