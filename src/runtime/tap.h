/* Results of tests as TAP version 14 on standard output, for what no test library can say itself. */
#ifndef RUNTIME_TAP_H
#define RUNTIME_TAP_H

#include <stdint.h>

/* "not ok NUMBER - NAME" with a block of YAML: the message, where that is ("file" or "file:line:column"), and how long it
 * took. */
void tap_failure(unsigned number, const char *name, const char *message, const char *at,
                 uint64_t ms);

#endif
