/* The executables that contain this have a clock_gettime() of their own: see clock_gettime.c. */
#ifndef SCRIPT_CLOCK_GETTIME_H
#define SCRIPT_CLOCK_GETTIME_H

#include <stdint.h>

/* Nanoseconds of processor time that the calling thread has used, less than a millisecond too many; never 0, never
 * less than the time before. */
uint64_t clock_gettime_thread_ns(void);

#endif
