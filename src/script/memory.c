#include "script/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#    define LIMITABLE 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define LIMITABLE 0
#    endif
#endif
#ifndef LIMITABLE
#    define LIMITABLE 1
#endif

/* Columns of /proc/self/statm, in pages (proc(5)). */
enum { STATM_RESIDENT = 1, STATM_DATA = 5, STATM_TEXT_MAX = 128 };

static size_t statm_bytes(int column)
{
    char text[STATM_TEXT_MAX];
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t len = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *p = text;
    unsigned long pages = 0;
    for (int i = 0; i <= column; i++)
        pages = strtoul(p, &p, 10);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t memory_resident(void)
{
    return statm_bytes(STATM_RESIDENT);
}

void memory_limit_growth(size_t budget)
{
    struct rlimit limit = {0};
    const size_t data = statm_bytes(STATM_DATA);
    if (!LIMITABLE || data == 0 || getrlimit(RLIMIT_DATA, &limit) != 0 ||
        data + budget >= limit.rlim_cur)
        return;
    limit.rlim_cur = data + budget;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        log_warn("script", "the memory of this process cannot be limited");
}
