#include "script/compiler_frame.h"

#include <endian.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/log.h"

static bool read_all(int fd, char *p, size_t len)
{
    while (len > 0) {
        const ssize_t n = recv(fd, p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, struct str s)
{
    while (s.len > 0) {
        const ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = str_skip(s, (size_t)n);
    }
    return true;
}

bool compiler_frame_read(int fd, struct buf *b)
{
    uint32_t len = 0;
    if (!read_all(fd, (char *)&len, sizeof(len)))
        return false;
    len = le32toh(len);
    buf_clear(b);
    if (len > buf_room(b)) {
        log_error("compiler", "a frame of %u bytes is too large", len);
        return false;
    }
    char *p = buf_reserve(b, len);
    if (p == NULL || !read_all(fd, p, len))
        return false;
    buf_added(b, len);
    return true;
}

bool compiler_frame_write(int fd, struct str s)
{
    const uint32_t len = htole32((uint32_t)s.len);
    return write_all(fd, (struct str){(const char *)&len, sizeof(len)}) && write_all(fd, s);
}
