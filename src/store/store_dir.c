#include "store/store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code set_errno(struct err *e, const char *what, const char *dir)
{
    int error = errno;
    return err_set(e, err_from_errno(error), "cannot %s directory %s: %s", what, dir,
                   strerrordesc_np(error));
}

enum err_code store_dir_sync(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return set_errno(e, "open", dir);
    int rc = fsync(fd);
    if (rc != 0 && errno == EINVAL)
        rc = 0; /* a file system that cannot sync a directory has nothing to sync */
    enum err_code code = rc == 0 ? ERR_OK : set_errno(e, "sync", dir);
    (void)close(fd);
    return code;
}

/* Creates one level; path ends in the name to create. */
static enum err_code create_level(char *path, struct err *e)
{
    if (mkdir(path, 0700) != 0) {
        struct stat st;
        int error = errno;
        if (error == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return ERR_OK;
        errno = error == EEXIST ? ENOTDIR : error;
        return set_errno(e, "create", path);
    }
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return store_dir_sync(".", e);
    if (slash == path)
        return store_dir_sync("/", e);
    *slash = '\0';
    enum err_code code = store_dir_sync(path, e);
    *slash = '/';
    return code;
}

enum err_code store_dir_create(const char *dir, struct err *e)
{
    char path[PATH_MAX];
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (len == 0)
        return err_set(e, ERR_INVALID, "the name of the storage directory is empty");
    if (len >= sizeof(path))
        return err_set(e, ERR_INVALID, "the name of the storage directory is too long");
    memcpy(path, dir, len);
    path[len] = '\0';

    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return ERR_OK;
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enum err_code code = stat(path, &st) == 0 ? ERR_OK : create_level(path, e);
        *slash = '/';
        if (code != ERR_OK)
            return code;
    }
    return create_level(path, e);
}
