#include "script/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "io/child.h"

size_t memory_resident(void)
{
    return (size_t)child_memory_bytes(getpid(), CHILD_RESIDENT);
}

void memory_limit_growth(size_t budget)
{
    struct rlimit limit = {0};
    const size_t data = (size_t)child_memory_bytes(getpid(), CHILD_DATA);
    if (!MEMORY_LIMITABLE || data == 0 || getrlimit(RLIMIT_DATA, &limit) != 0 ||
        data + budget >= limit.rlim_max)
        return;
    limit.rlim_cur = data + budget;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        log_warn("script", "the memory of this process cannot be limited");
}
