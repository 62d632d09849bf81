/* Results of tests as TAP version 14 on standard output, for what no test library can say itself. */
#ifndef RUNTIME_TAP_H
#define RUNTIME_TAP_H

/* "not ok NUMBER - NAME" with the message in a block of YAML. */
void tap_failure(unsigned number, const char *name, const char *message);

#endif
