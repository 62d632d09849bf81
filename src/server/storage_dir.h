/* The directory of the store: named by the config, or a temporary one for storage.type "memory". */
#ifndef SERVER_STORAGE_DIR_H
#define SERVER_STORAGE_DIR_H

#include "config/config.h"

struct storage_dir {
    char *path;
    int lock_fd; /* -1: none */
    bool temporary;
};

/* Makes the directory and takes its lock, so that one server uses it. The message names the owner. */
enum err_code storage_dir_take(const struct config *c, struct storage_dir *ret, struct err *e)
    __attribute__((warn_unused_result));

/* Lets go; a temporary directory is removed. A zeroed one is allowed. */
void storage_dir_release(struct storage_dir *d);

#endif
