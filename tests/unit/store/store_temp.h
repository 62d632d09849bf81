/* A directory of its own for a test: made under $TMPDIR, removed with all that is in it. */
#ifndef STORE_STORE_TEMP_H
#define STORE_STORE_TEMP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_TEMP_SIZE = 256 };

static inline void store_temp_create(char out[STORE_TEMP_SIZE])
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(out, STORE_TEMP_SIZE, "%.200s/dgate-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(out) == NULL)
        abort();
}

static inline int store_temp_remove_one(const char *path, const struct stat *st, int type,
                                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void store_temp_remove(const char *dir)
{
    (void)nftw(dir, store_temp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
