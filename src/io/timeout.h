/* One timer. Embedded in the object it belongs to; setting and clearing it is cheap, also per request. */
#ifndef IO_TIMEOUT_H
#define IO_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timeout;
struct timeout_handle;

typedef void (*timeout_fn)(struct timeout *t);

struct timeout {
    struct timeout_handle *handle; /* NULL until first set */
    struct loop *loop;
    timeout_fn fire;
    uint64_t due_ms; /* 0: not set; else on loop_now_ms()'s clock */
};

/* Prepares t; fire is called on the loop when it is due (once per timeout_set()). */
void timeout_init(struct timeout *t, struct loop *loop, timeout_fn fire);

/* (Re)starts it: fires once in delay_ms. Moving it later costs no system call and no heap work. */
void timeout_set(struct timeout *t, uint64_t delay_ms);

/* The same, counted from now: the loop's clock stands still during a turn, and this one may have been long. */
void timeout_set_from_now(struct timeout *t, uint64_t delay_ms);

void timeout_clear(struct timeout *t);
bool timeout_is_set(const struct timeout *t);

/* Stops it for good; t's memory may be released at once. t may be zeroed. */
void timeout_finish(struct timeout *t);

#endif
