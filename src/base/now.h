/* What time it is. */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic nanoseconds (CLOCK_MONOTONIC, the same for all processes of the machine). */
uint64_t now_mono_ns(void);

/* Wall-clock milliseconds since 1970-01-01T00:00:00Z. */
int64_t now_wall_ms(void);

enum { NOW_RFC3339_SIZE = 32 };

/* Writes "2026-11-22T02:26:45.123Z" and a NUL. */
void now_rfc3339(int64_t wall_ms, char out[NOW_RFC3339_SIZE]);

#endif
