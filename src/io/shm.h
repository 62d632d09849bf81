/* Memory that a process shares with its children through an inherited descriptor. */
#ifndef IO_SHM_H
#define IO_SHM_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Makes a zeroed memory file of size bytes (rounded up to a page); *fd is close-on-exec. */
enum err_code shm_make(const char *name, size_t size, int *fd, struct err *e)
    __attribute__((warn_unused_result));

/* Maps size bytes of it, shared, readable and writable; NULL with e filled. */
void *shm_map(int fd, size_t size, struct err *e) __attribute__((warn_unused_result));
void shm_unmap(void *p, size_t size);

/* Writes a text into a new memory file, and reads one whole (malloc()ed, NUL-terminated; NULL with e filled). */
enum err_code shm_put_text(const char *name, struct str text, int *fd, struct err *e)
    __attribute__((warn_unused_result));
char *shm_get_text(int fd, size_t *len, struct err *e) __attribute__((warn_unused_result));

#endif
