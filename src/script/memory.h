/* The memory of this process, as the kernel counts it. */
#ifndef SCRIPT_MEMORY_H
#define SCRIPT_MEMORY_H

#include <stddef.h>

/* AddressSanitizer's shadow memory counts as data, and it has an mmap() of its own. */
#if defined(__SANITIZE_ADDRESS__)
#    define MEMORY_LIMITABLE 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define MEMORY_LIMITABLE 0
#    endif
#endif
#ifndef MEMORY_LIMITABLE
#    define MEMORY_LIMITABLE 1
#endif

/* Resident bytes; 0 when the kernel does not tell. */
size_t memory_resident(void);

/* Lets the process's data grow by at most budget bytes from now on, addresses that are not used included; past that every
 * allocation fails. Without effect under AddressSanitizer. */
void memory_limit_growth(size_t budget);

#endif
