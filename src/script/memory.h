/* The memory of this process, as the kernel counts it. */
#ifndef SCRIPT_MEMORY_H
#define SCRIPT_MEMORY_H

#include <stddef.h>

/* Resident bytes; 0 when the kernel does not tell. */
size_t memory_resident(void);

/* Lets the process's data grow by at most budget bytes from now on: an allocation past all reason then fails inside the
 * engine, which makes a RangeError of it. Without effect under AddressSanitizer. */
void memory_limit_growth(size_t budget);

#endif
