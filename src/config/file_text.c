#include "config/file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 8192 };

static enum err_code failed(struct err *e)
{
    char text[128];
    int error = errno;
    return err_set(e, err_from_errno(error), "%s", strerror_r(error, text, sizeof(text)));
}

enum err_code file_text_read(const char *path, struct buf *b, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return failed(e);
    enum err_code rc = ERR_OK;
    for (;;) {
        char chunk[CHUNK];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = failed(e);
        else if (n > 0 && !buf_add(b, (struct str){chunk, (size_t)n}))
            rc = err_set(e, ERR_TOO_LARGE, "it has more than %zu bytes", b->max);
        if (n <= 0 || rc != ERR_OK)
            break;
    }
    (void)close(fd);
    return rc;
}
