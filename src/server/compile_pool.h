/* Control's side of a compiler process: started when there is something to do, ended when idle, killed when that takes
 * too long or too much memory. There is one for modules and one for JSON Schema, so that neither waits for the other.
 */
#ifndef SERVER_COMPILE_POOL_H
#define SERVER_COMPILE_POOL_H

#include "change/change.h"

struct compile_pool;
struct loop;

struct compile_pool_options {
    uint64_t timeout_ms;     /* of one job, loading the compiler included the first time */
    const char *timeout_key; /* its name, for messages */
    uint64_t idle_ms;
    int launch_fd; /* what the compiler inherits as LAUNCH_FD_TEXT */
    uint32_t waiting_max;
};

struct compile_pool *compile_pool_create(struct loop *loop,
                                         const struct compile_pool_options *options);

/* Fails what waits, ends the process. */
void compile_pool_destroy(struct compile_pool *p);

/* Compiles; done as in change/change.h, never from within this call. */
void compile_pool_submit(struct compile_pool *p, const struct model_module *m, struct str source,
                         change_compiled_fn done, void *user);

/* Validates; the same. */
void compile_pool_validate(struct compile_pool *p, const char *label, const json_t *schema,
                           const json_t *documents, change_validated_fn done, void *user);

#endif
