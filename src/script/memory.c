#include "script/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "io/child.h"

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

size_t memory_resident(void)
{
    return (size_t)child_memory_bytes(getpid(), CHILD_RESIDENT);
}

void memory_limit_growth(size_t budget)
{
    struct rlimit limit = {0};
    const size_t data = (size_t)child_memory_bytes(getpid(), CHILD_DATA);
    if (!LIMITABLE || data == 0 || getrlimit(RLIMIT_DATA, &limit) != 0 ||
        data + budget >= limit.rlim_max)
        return;
    limit.rlim_cur = data + budget;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        log_warn("script", "the memory of this process cannot be limited");
}

static _Atomic(size_t) engine_max; /* of resident memory; 0: no limit */
static _Atomic(uint64_t) refusals;

void memory_limit_engine(size_t budget)
{
    if (LIMITABLE)
        engine_max = memory_resident() + budget;
}

uint64_t memory_refusals(void)
{
    return refusals;
}

#if LIMITABLE
/* What the engine asks the kernel for at a time when small objects need room; larger objects get what is their size. */
static const size_t CHUNK = (size_t)32 << 20;
static const size_t LOOK_SIZE = (size_t)1 << 20;
static const size_t SMALL_RESERVE = (size_t)128 << 20;

static bool is_engines(int protection, int flags)
{
    return (flags & MAP_NORESERVE) != 0 && (flags & MAP_ANONYMOUS) != 0 &&
           protection == (PROT_READ | PROT_WRITE);
}

static bool fits(size_t size)
{
    const size_t all = engine_max;
    const size_t max = size == CHUNK || all < SMALL_RESERVE ? all : all - SMALL_RESERVE;
    return all == 0 || memory_resident() + size <= max;
}

/* The C library's, which the engine's library calls for the memory of objects. A limit of the kernel's would count addresses,
 * which the engine keeps when it gives memory back, and would be the gateway's own limit too. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names are the C library's */
__attribute__((visibility("default"))) void *mmap(void *at, size_t size, int protection, int flags,
                                                  int fd, off_t offset)
{
    if (size >= LOOK_SIZE && is_engines(protection, flags) && !fits(size)) {
        refusals++;
        errno = ENOMEM;
        return MAP_FAILED;
    }
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the system call gives an address */
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
#endif
