#include "store/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/str.h"
#include "store/store_dir.h"

/* The process id that the holder wrote; 0 when there is none. */
static uint64_t read_owner(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    uint64_t pid = 0;
    if (n <= 0)
        return 0;
    struct str s = {.p = text, .len = (size_t)n};
    s = str_slice(s, 0, str_index(s, '\n', 0));
    return str_to_u64(s, INT_MAX, &pid) ? pid : 0;
}

static enum err_code in_use(int fd, const char *dir, struct err *e)
{
    uint64_t pid = read_owner(fd);
    if (pid == 0)
        return err_set(e, ERR_CONFLICT, "storage directory %s is in use by another process", dir);
    return err_set(e, ERR_CONFLICT,
                   "storage directory %s is in use by process %llu or one that it started", dir,
                   (unsigned long long)pid);
}

static bool write_owner(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;
}

enum err_code store_lock(const char *dir, int *ret_fd, struct err *e)
{
    enum err_code code = store_dir_create(dir, e);
    if (code != ERR_OK)
        return code;
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/lock", dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        return err_set(e, ERR_INVALID, "the name of the storage directory is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, err_from_errno(errno), "cannot open %s: %s", path,
                       strerrordesc_np(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        code = errno == EWOULDBLOCK ? in_use(fd, dir, e)
                                    : err_set(e, err_from_errno(errno), "cannot lock %s: %s", path,
                                              strerrordesc_np(errno));
        (void)close(fd);
        return code;
    }
    /* Who holds it is for people; a disk that is full does not make the lock less of a lock. */
    (void)write_owner(fd);
    if (fcntl(fd, F_SETFD, 0) != 0) {
        code = err_set(e, ERR_IO, "cannot share the lock %s: %s", path, strerrordesc_np(errno));
        (void)close(fd);
        return code;
    }
    *ret_fd = fd;
    return ERR_OK;
}
