/* A growable array of pointers or values, for any element type: struct { T *v; size_t n, cap; }.
 * One owner. Elements move when it grows, so keep indexes rather than pointers to them.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

/* The members of a vector, to be put in a struct of your own: struct names { VEC_OF(char *); }; */
#define VEC_OF(type)                                                                               \
    type *v;                                                                                       \
    size_t n;                                                                                      \
    size_t cap

/* Makes room for one more element of size bytes in v of n elements; returns the (moved) array. */
void *vec_grow(void *v, size_t n, size_t *cap, size_t size) __attribute__((returns_nonnull));

/* Appends value. */
#define vec_push(vec, value)                                                                       \
    do {                                                                                           \
        (vec)->v = vec_grow((vec)->v, (vec)->n, &(vec)->cap, sizeof((vec)->v[0]));                 \
        (vec)->v[(vec)->n++] = (value);                                                            \
    } while (0)

/* Releases the array and leaves an empty vector. */
#define vec_finish(vec)                                                                            \
    do {                                                                                           \
        free((vec)->v);                                                                            \
        (vec)->v = NULL;                                                                           \
        (vec)->n = 0;                                                                              \
        (vec)->cap = 0;                                                                            \
    } while (0)

#endif
