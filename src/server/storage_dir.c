#include "server/storage_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store_lock.h"

static const char TEMPORARY_PREFIX[] = "dgate-memory-";

/* Memory-backed where the system has it. */
static const char *temporary_root(void)
{
    if (access("/dev/shm", W_OK | X_OK) == 0)
        return "/dev/shm";
    const char *named = getenv("TMPDIR");
    return named != NULL && named[0] != '\0' ? named : "/tmp";
}

static void remove_flat_directory(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return;
    struct dirent *entry = NULL;
    while ((entry = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe): one thread, own stream */
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    (void)closedir(d);
    (void)rmdir(path);
}

/* Temporary directories of servers that were killed: nobody holds their lock. */
static void sweep(const char *root)
{
    DIR *d = opendir(root);
    if (d == NULL)
        return;
    struct dirent *entry = NULL;
    while ((entry = readdir(d)) !=
           NULL) { /* NOLINT(concurrency-mt-unsafe): one thread, own stream */
        if (!str_starts(str_of(entry->d_name), str_of(TEMPORARY_PREFIX)))
            continue;
        char path[512];
        int n = snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
        int fd = -1;
        if (n < 0 || (size_t)n >= sizeof(path) || store_lock(path, &fd, NULL) != ERR_OK)
            continue;
        remove_flat_directory(path);
        (void)close(fd);
    }
    (void)closedir(d);
}

enum err_code storage_dir_take(const struct config *c, struct storage_dir *ret, struct err *e)
{
    struct storage_dir d = {.lock_fd = -1, .temporary = c->storage == CONFIG_STORAGE_MEMORY};
    if (d.temporary) {
        const char *root = temporary_root();
        sweep(root);
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%sXXXXXX", root, TEMPORARY_PREFIX);
        if (mkdtemp(path) == NULL)
            return err_set(e, ERR_IO, "storage: cannot make a directory in %s: %s", root,
                           strerror(errno));
        d.path = mem_strdup(path);
    } else {
        d.path = mem_strdup(c->storage_dir);
    }
    enum err_code rc = store_lock(d.path, &d.lock_fd, e);
    if (rc != ERR_OK) {
        err_context(e, "storage");
        free(d.path);
        return rc;
    }
    *ret = d;
    return ERR_OK;
}

void storage_dir_release(struct storage_dir *d)
{
    if (d->path == NULL)
        return;
    if (d->temporary)
        remove_flat_directory(d->path);
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    free(d->path);
    *d = (struct storage_dir){.lock_fd = -1};
}
