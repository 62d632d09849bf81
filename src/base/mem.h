/* Allocation that never fails: running out of system memory aborts (docs/architecture.md, "Memory").
 * What is returned is released with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Whether what is used again and again is kept instead of freed. Not under AddressSanitizer, which is to see who uses it
 * after its time. */
#if defined(__SANITIZE_ADDRESS__)
#    define MEM_RECYCLE 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define MEM_RECYCLE 0
#    endif
#endif
#ifndef MEM_RECYCLE
#    define MEM_RECYCLE 1
#endif

/* Zeroed memory of size bytes, never NULL. size must not be 0. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* As calloc(count, size), with the overflow check; never NULL. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* As reallocarray(); the added bytes are not zeroed; never NULL. */
void *mem_resize(void *p, size_t count, size_t size) __attribute__((returns_nonnull));

/* A copy of size bytes followed by a NUL. p may be NULL when size is 0. */
char *mem_dup(const void *p, size_t size) __attribute__((malloc, returns_nonnull));

/* A copy of the C string s, which must not be NULL. */
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull, nonnull));

#endif
