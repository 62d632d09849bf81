/* The memory that the engine may have. */
#ifndef SCRIPT_MMAP_H
#define SCRIPT_MMAP_H

#include <stddef.h>
#include <stdint.h>

/* Lets the engine's memory grow by at most budget bytes of resident memory from now on: past that an allocation of a mebibyte
 * or more fails inside the engine, which makes a RangeError of it. The rest of the process is not limited. Small
 * objects, for which the engine cannot do without, have a reserve that large ones do not get. Without effect under
 * AddressSanitizer. */
void mmap_limit(size_t budget);

/* How often the engine was refused memory. */
uint64_t mmap_refusals(void);

#endif
