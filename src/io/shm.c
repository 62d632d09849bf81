#include "io/shm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum err_code shm_make(const char *name, size_t size, int *fd, struct err *e)
{
    int made = memfd_create(name, MFD_CLOEXEC);
    if (made < 0)
        return err_set(e, ERR_IO, "cannot make shared memory %s: %s", name, strerror(errno));
    if (ftruncate(made, (off_t)size) != 0) {
        (void)err_set(e, ERR_IO, "cannot size shared memory %s: %s", name, strerror(errno));
        (void)close(made);
        return ERR_IO;
    }
    *fd = made;
    return ERR_OK;
}

void *shm_map(int fd, size_t size, struct err *e)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        return p;
    (void)err_set(e, ERR_IO, "cannot map shared memory: %s", strerror(errno));
    return NULL;
}

void shm_unmap(void *p, size_t size)
{
    if (p != NULL)
        (void)munmap(p, size);
}

enum err_code shm_put_text(const char *name, struct str text, int *fd, struct err *e)
{
    int made = -1;
    enum err_code rc = shm_make(name, 0, &made, e);
    size_t off = 0;
    while (rc == ERR_OK && off < text.len) {
        ssize_t n = pwrite(made, text.p + off, text.len - off, (off_t)off);
        if (n <= 0)
            rc = err_set(e, ERR_IO, "cannot write %s: %s", name, strerror(errno));
        else
            off += (size_t)n;
    }
    if (rc == ERR_OK)
        *fd = made;
    else if (made >= 0)
        (void)close(made);
    return rc;
}

char *shm_get_text(int fd, size_t *len, struct err *e)
{
    struct stat st = {0};
    if (fstat(fd, &st) != 0) {
        (void)err_set(e, ERR_IO, "descriptor %d: %s", fd, strerror(errno));
        return NULL;
    }
    size_t size = (size_t)st.st_size;
    char *text = mem_alloc(size + 1);
    size_t off = 0;
    while (off < size) {
        ssize_t n = pread(fd, text + off, size - off, (off_t)off);
        if (n <= 0) {
            (void)err_set(e, ERR_IO, "descriptor %d: %s", fd,
                          n == 0 ? "cut short" : strerror(errno));
            free(text);
            return NULL;
        }
        off += (size_t)n;
    }
    *len = size;
    return text;
}
