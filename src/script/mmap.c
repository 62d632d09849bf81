/* The C library's mmap(), which the engine's library calls for the memory of its objects, and may be refused. A limit of the
 * kernel's would count addresses, which the engine keeps when it gives memory back, and would be the gateway's own limit
 * too. See docs/decisions/0002-memory-of-modules.md.
 */
#include "script/mmap.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "script/memory.h"

static _Atomic(size_t) engine_max; /* of resident memory; 0: no limit */
static _Atomic(uint64_t) refusals;

void mmap_limit(size_t budget)
{
    if (MEMORY_LIMITABLE)
        engine_max = memory_resident() + budget;
}

uint64_t mmap_refusals(void)
{
    return refusals;
}

#if MEMORY_LIMITABLE
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
