/* The memory of this process, as the kernel counts it. */
#ifndef SCRIPT_MEMORY_H
#define SCRIPT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Resident bytes; 0 when the kernel does not tell. */
size_t memory_resident(void);

/* Lets the process's data grow by at most budget bytes from now on, addresses that are not used included; past that every
 * allocation fails. Without effect under AddressSanitizer. */
void memory_limit_growth(size_t budget);

/* Lets the engine's memory grow by at most budget bytes of resident memory from now on: past that an allocation of a mebibyte
 * or more fails inside the engine, which makes a RangeError of it. The rest of the process is not limited. Small
 * objects, for which the engine cannot do without, have a reserve that large ones do not get. Without effect under
 * AddressSanitizer. */
void memory_limit_engine(size_t budget);

/* How often the engine was refused memory. */
uint64_t memory_refusals(void);

#endif
