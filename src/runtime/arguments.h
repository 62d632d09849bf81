/* The command line of one command: options by a table, the rest are operands. */
#ifndef RUNTIME_ARGUMENTS_H
#define RUNTIME_ARGUMENTS_H

#include "base/str.h"
#include "base/vec.h"

struct arguments_option {
    const char *name;  /* "--grep" */
    const char *alias; /* "-t", or NULL */
    const char *value; /* what it takes, "TEXT"; NULL: nothing */
};

/* What every command returns. */
enum arguments_status { ARGUMENTS_OK, ARGUMENTS_FAILED, ARGUMENTS_USAGE };

struct arguments {
    const char *command;
    const struct arguments_option *options;
    size_t option_count;
    char **rest; /* not read yet */
    const char *value;
    struct {
        VEC_OF(const char *);
    } operands;
};

enum { ARGUMENTS_END = -1, ARGUMENTS_BAD = -2 };

/* args is NULL-terminated and borrowed. */
void arguments_init(struct arguments *a, const char *command, char **args,
                    const struct arguments_option *options, size_t option_count);
void arguments_finish(struct arguments *a);

/* The index of the next option, with its value in a->value; ARGUMENTS_END after the last one; ARGUMENTS_BAD when it is none, which was
 * said on standard error. Operands are collected on the way; what follows "--" are operands. */
int arguments_next(struct arguments *a);

/* The value as a whole number from min to max; false when it is none, which was said on standard error. */
bool arguments_number(const struct arguments *a, int option, uint64_t min, uint64_t max,
                      uint64_t *ret) __attribute__((warn_unused_result));

/* Says what is wrong with the command line on standard error; returns ARGUMENTS_USAGE. */
int arguments_refuse(const struct arguments *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
