/* The directory of a store: made on demand, private to its user, and durable once made. */
#ifndef STORE_STORE_DIR_H
#define STORE_STORE_DIR_H

#include "base/err.h"

/* Creates dir (0700) and what is missing above it; each new directory entry is synced to the disk. An
 * existing directory is left as it is. The message names the directory that failed. */
enum err_code store_dir_create(const char *dir, struct err *e) __attribute__((warn_unused_result));

/* Makes the names in dir durable: a file that was created is found again after a power loss. */
enum err_code store_dir_sync(const char *dir, struct err *e) __attribute__((warn_unused_result));

#endif
